'use strict';

// The page only shows. It polls /state.json, and writes what changed into the DOM. Which stages
// there are, and in what order, comes from there.

const POLL_MILLIS = 500;
const NO_ANSWER_MILLIS = 1500;
const NO_FRAMES_MILLIS = 2000;
const GAP_MILLIS = 2500; // there is a point a second: this far apart, some between were missed
const SPAN_SECONDS = 600;

// Symbols and words say what colours say, for those who do not see the colours.
const STATE_SYMBOLS = {running: '●', starting: '◌', leaving: '◐', ended: '○', dead: '✖'};
const EVENT_SYMBOLS = {start: '▶', death: '✖', end: '■', scaling: '⇅', driver: '◆'};

// ---- Text

const grouped = new Intl.NumberFormat('en', {maximumFractionDigits: 0});
const natural = new Intl.Collator('en', {numeric: true});
const timeOfDay = new Intl.DateTimeFormat('en-GB', {timeStyle: 'medium'});

const number = (value) => grouped.format(value);
const rate = (value) => (value > 0 && value < 10 ? value.toFixed(1) : number(value));
const percent = (share) => `${Math.round(100 * share)} %`;
const partOf = (source) => (source === null ? ''
  : `partitions ${number(source.partitions)} · lag ${number(source.lagRecords)} records`);
const clock = (millis) => timeOfDay.format(millis);

/** Three digits and the largest unit that fits; a thousand of one are one of the next. */
function scaled(value, units) {
  const power = value < 1e3 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(value) / 3));
  const inUnit = value / 1e3 ** power;
  return (inUnit < 1e3 ? Number(inUnit.toPrecision(3)) : number(inUnit)) + units[power];
}

const megabytes = (bytes) => scaled(bytes / 1e6, [' MB/s', ' GB/s', ' TB/s']);
const micros = (value) => (value === null ? '–' : scaled(value, [' µs', ' ms', ' s']));
const short = (value) =>
  (value >= 1e3 && value < 1e4 ? number(value) : scaled(value, ['', 'k', 'M', 'G']));

// ---- DOM

const byId = (id) => document.getElementById(id);

/** Most texts stay as they are from poll to poll, and then cost no layout. */
function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** Writes the texts of a template's copy: `texts.name` goes to `data-text="name"`. */
function fill(node, texts) {
  for (const [name, text] of Object.entries(texts)) {
    setText(node.querySelector(`[data-text="${name}"]`), text);
  }
}

/** One child per item, in the order of the items. A child keeps its item, so nothing jumps. */
function fillList(list, template, items, keyOf, update) {
  const old = new Map([...list.children].map((node) => [node.dataset.key, node]));
  items.forEach((item, i) => {
    const key = String(keyOf(item));
    const node = old.get(key) ?? byId(template).content.firstElementChild.cloneNode(true);
    old.delete(key);
    node.dataset.key = key;
    if (list.children[i] !== node) list.insertBefore(node, list.children[i] ?? null);
    update(node, item, i);
  });
  old.forEach((node) => node.remove());
}

// ---- Header, stages and ledger

function showHeader({title, driver, stages}) {
  setText(byId('title'), title);
  setText(byId('driver'), driver.alive
    ? `● media driver: running, pid ${driver.pid}` : '✖ media driver: lost');
  byId('driver').classList.toggle('alarm', !driver.alive);
  // What the last stage completes has passed all of them.
  const completed = stages.at(-1)?.framesPerSecond ?? 0;
  setText(byId('total-rate'), rate(completed));
  setText(byId('total-bytes'), megabytes(completed * (stages[0]?.outputLength ?? 0)));
}

function showStages(stages) {
  fillList(byId('stages'), 'stage-template', stages, (stage) => stage.stage, (node, stage, i) => {
    const box = node.querySelector('.box');
    const running = `${stage.instances.filter(isRunning).length} running`;
    box.dataset.stage = stage.stage;
    fill(box, {
      stage: stage.stage,
      running,
      source: partOf(stage.source),
      rate: rate(stage.framesPerSecond),
    });
    const instances = stage.instances.toSorted((a, b) => natural.compare(a.name, b.name));
    fillList(box.querySelector('ul'), 'instance-template', instances, ({name}) => name,
        showInstance);
    if (i > 0) showArrow(node.querySelector('.arrow'), stages[i - 1], stage);
  });
  byId('way-back').hidden = stages.length < 2;
  if (stages.length < 2) return;
  setText(byId('answers'), `answers: ${stages.at(-1).stage} → ${stages[0].stage}`);
}

const isRunning = ({state}) => state === 'running';

/** What flows from one stage to the next, whose full inboxes hold the sender back. */
function showArrow(arrow, from, to) {
  const running = from.instances.filter(isRunning);
  const held = running.reduce((sum, {heldBack}) => sum + heldBack, 0) / (running.length || 1);
  arrow.classList.toggle('slowed', held >= 0.2);
  fill(arrow, {
    rate: `${rate(from.framesPerSecond)}/s`,
    bytes: megabytes(from.framesPerSecond * from.outputLength),
    waiting: `${number(to.waitingFrames)} waiting`,
    held: held < 0.005 ? 'nobody held back' : `${from.stage} held back ${percent(held)}`,
  });
}

function showInstance(node, {name, state, pid, busy, idle, heldBack, ...instance}) {
  const shares = [`busy ${percent(busy)}`, `idle ${percent(idle)}`];
  if (heldBack >= 0.005) shares.push(`held back ${percent(heldBack)}`);
  node.dataset.instance = name;
  node.dataset.state = state;
  fill(node, {
    name,
    state: `${STATE_SYMBOLS[state] ?? '?'} ${state}`,
    pid: `pid ${pid}`,
    rate: `${rate(instance.framesPerSecond)}/s`,
    shares: busy + idle + heldBack > 0 ? shares.join(' · ') : '–',
    source: partOf(instance.source),
    restarts: instance.restarts > 0 ? `↻ ${number(instance.restarts)}` : '',
    cores: `${instance.cores.toFixed(2)} cores`,
  });
  node.querySelector('.restarts').title = `restarted ${number(instance.restarts)} times`;
  node.querySelector('.busy').style.width = `${100 * busy}%`;
  node.querySelector('.held-back').style.width = `${100 * heldBack}%`;
}

function showLedger(ledger) {
  for (const [figure, value] of Object.entries(ledger)) {
    const node = byId(`ledger-${figure}`);
    if (node) setText(node, number(value));
  }
  byId('returned').hidden = ledger.framesReturned === 0;
  const lost = ledger.framesLost > 0;
  byId('lost').classList.toggle('alarm', lost);
  setText(byId('lost').querySelector('dt'), lost ? '✖ LOST' : 'lost');
}

let quietSince = null;

function showNoFrames(stages) {
  const quiet = stages.every((stage) => stage.framesPerSecond === 0);
  quietSince = quiet ? quietSince ?? Date.now() : null;
  const millis = quiet ? Date.now() - quietSince : 0;
  byId('no-frames').hidden = millis < NO_FRAMES_MILLIS;
  setText(byId('quiet-time'), `for ${Math.floor(millis / 1000)} s`);
}

// ---- Events

let events = [];

function showEvents(latest) {
  const [old, newest] = [events.at(-1), latest.at(-1)];
  events = latest;
  if (old?.id === newest?.id && old?.epochMillis === newest?.epochMillis) return;
  const list = byId('events');
  fillList(list, 'event-template', latest.toReversed(), ({id}) => id, showEvent);
  // Busy until now, the list is not read aloud when it is first filled with what is past.
  setTimeout(() => list.ariaBusy = 'false');
}

function showEvent(node, {kind, epochMillis, text}) {
  node.dataset.kind = kind;
  node.dataset.millis = epochMillis;
  fill(node, {symbol: EVENT_SYMBOLS[kind] ?? '?', time: clock(epochMillis), text});
}

/** The arrow keys walk through the list. The charts show the moment of an event. */
function listenToEvents() {
  const list = byId('events');
  const show = ({target}) => {
    const item = target.closest('li');
    if (item) pointAt(timeCharts, item.dataset.millis / 1000);
  };
  list.addEventListener('focusin', show);
  list.addEventListener('mouseover', show);
  list.addEventListener('focusout', () => pointAt(timeCharts, null));
  list.addEventListener('mouseleave', () => pointAt(timeCharts, null));
  list.addEventListener('keydown', (event) => {
    const sibling = {ArrowDown: 'nextElementSibling', ArrowUp: 'previousElementSibling'}[event.key];
    if (!sibling) return;
    event.preventDefault();
    const item = event.target.closest('li');
    (item ? item[sibling] : list.firstElementChild)?.focus();
  });
}

// ---- Charts

const FONT = '12px system-ui, sans-serif';
const ink = {};
const timeCharts = [];

/** Colours of the style sheet, for the canvas. Light and dark differ. */
function readColours() {
  const style = getComputedStyle(document.documentElement);
  for (const name of ['panel', 'muted', 'rule', 'first', 'second', 'red']) {
    ink[name] = style.getPropertyValue(`--${name}`);
  }
}

const fromZero = (u, min, max) => uPlot.rangeNum(0, Math.max(max, 10), 0.1, true);
const shortValues = (u, ticks) => ticks.map(short);
const line = (name, more) =>
  ({stroke: () => ink[name], width: 1.5, points: {show: false}, ...more});
const axis = (more) => ({
  stroke: () => ink.muted,
  grid: {stroke: () => ink.rule, width: 1},
  ticks: {show: false},
  font: FONT,
  labelFont: FONT,
  gap: 4,
  ...more,
});

/**
 * A chart in its panel, with figures above: those of the moment under the cursor, or the newest.
 * `readout` makes pairs of class and text from these; `note` says more about what is pointed at.
 */
function makeChart(id, {readout, note, series, sync, hooks, ...options}) {
  const place = byId(id);
  const figures = place.parentElement.querySelector('.readout');
  const size = () => ({width: place.clientWidth, height: place.clientHeight});
  const describe = (u) => {
    const index = u.cursor.idx ?? u.data[0].length - 1;
    const parts = index < 0 ? [] : readout(u.data.map((column) => column[index]));
    parts.forEach(([name, text], i) => {
      if (!figures.children[i]) figures.append(document.createElement('span'), ' ');
      figures.children[i].className = name;
      setText(figures.children[i], text);
    });
    // All cursors move together, but one note is enough.
    const pointed = u.cursor.idx != null && place.matches(':hover, :focus');
    setText(place.parentElement.querySelector('.note'), pointed ? note(u) : '');
  };
  const u = new uPlot({
    ...size(),
    ...options,
    padding: [16, 18, 0, 0],
    series: [{}, ...series],
    legend: {show: false},
    cursor: {drag: {x: false, y: false}, y: false, points: {size: 7}, sync},
    hooks: {setCursor: [describe], setData: [describe], ...hooks},
  }, [[], ...series.map(() => [])], place);
  new ResizeObserver(() => u.setSize(size())).observe(place);
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => u.redraw());
  return u;
}

function makeTimeChart(id, columns, {y, yAxis, ...options}) {
  const u = makeChart(id, {
    ...options,
    note: eventsAtCursor,
    sync: {key: 'time'},
    hooks: {draw: [drawEvents]},
    scales: {x: {range: lastMinutes}, y},
    axes: [
      axis({
        size: 22, space: 60, incrs: [60, 120, 300],
        values: (_, ticks) => ticks.map((tick) => clock(1000 * tick).slice(0, 5)),
      }),
      axis({size: 50, space: 24, ...yAxis}),
    ],
  });
  u.columns = columns;
  timeCharts.push(u);
  listenToKeys(byId(id), u, timeCharts);
}

function makeTimeCharts() {
  makeTimeChart('rate', ['framesPerSecond'], {
    series: [line('first')],
    y: {range: fromZero},
    yAxis: {values: shortValues},
    readout: ([, frames]) => [['first', rate(frames)]],
  });
  makeTimeChart('latency', ['p50Micros', 'p99Micros'], {
    series: [line('first'), line('second', {dash: [5, 3]})],
    y: {distr: 3, range: fullDecades}, // logarithmic
    yAxis: {splits: decades, filter: (u, ticks) => ticks, values: (u, ticks) => ticks.map(micros)},
    readout: ([, p50, p99]) => [['first', `p50 ${micros(p50)}`], ['second', `p99 ${micros(p99)}`]],
  });
  makeTimeChart('in-flight', ['framesInFlight', 'windowFrames'], {
    series: [line('first'), line('second', {dash: [5, 3]})],
    y: {range: fromZero},
    yAxis: {values: shortValues},
    readout: ([, frames, most]) => [['first', number(frames)], ['second', `of ${number(most)}`]],
  });
}

const fullDecades = (u, min, max) =>
  (min > 0 ? uPlot.rangeLog(min, max, 10, true) : [10, 100_000]);

function decades(u, axisIndex, min, max) {
  const ticks = [];
  for (let tick = min; tick <= max; tick *= 10) ticks.push(tick);
  return ticks;
}

function lastMinutes(u) {
  const newest = u.data[0].at(-1) ?? Date.now() / 1000;
  return [newest - SPAN_SECONDS, newest];
}

/** Each event is a vertical line with its symbol on top; deaths come last, above the others. */
function drawEvents(u) {
  const {ctx, bbox} = u;
  const scale = devicePixelRatio;
  const isDeath = ({kind}) => kind === 'death';
  ctx.save();
  ctx.font = `${11 * scale}px system-ui, sans-serif`;
  ctx.textAlign = 'center';
  ctx.textBaseline = 'bottom';
  ctx.lineWidth = scale;
  for (const event of events.toSorted((a, b) => isDeath(a) - isDeath(b))) {
    const seconds = event.epochMillis / 1000;
    if (seconds < u.scales.x.min || seconds > u.scales.x.max) continue;
    const x = Math.round(u.valToPos(seconds, 'x', true)) + 0.5;
    ctx.fillStyle = ink.panel;
    ctx.fillRect(x - 6 * scale, bbox.top - 13 * scale, 12 * scale, 13 * scale);
    ctx.strokeStyle = ctx.fillStyle = isDeath(event) ? ink.red : ink.muted;
    ctx.setLineDash(isDeath(event) ? [] : [scale, 3 * scale]);
    ctx.beginPath();
    ctx.moveTo(x, bbox.top);
    ctx.lineTo(x, bbox.top + bbox.height);
    ctx.stroke();
    ctx.fillText(EVENT_SYMBOLS[event.kind] ?? '?', x, bbox.top);
  }
  ctx.restore();
}

function eventsAtCursor(u) {
  const time = u.data[0][u.cursor.idx];
  const reach = 4 * SPAN_SECONDS / u.over.clientWidth; // four pixels
  const near = events.filter((event) => Math.abs(event.epochMillis / 1000 - time) <= reach);
  return [clock(1000 * time), ...near.map((event) => event.text)].join(' · ');
}

/** Puts the cursors of charts at a place on the x axis; null takes them away. */
function pointAt(charts, x) {
  for (const u of charts) {
    const left = x === null ? -10 : u.valToPos(x, 'x');
    u.setCursor({left, top: left < 0 ? -10 : 0});
  }
}

function listenToKeys(place, u, charts) {
  const steps = {ArrowLeft: -1, ArrowRight: 1, PageUp: -60, PageDown: 60, Home: -1e9, End: 1e9};
  place.addEventListener('keydown', (event) => {
    const last = u.data[0].length - 1;
    if (!(event.key in steps) || last < 0) return;
    event.preventDefault();
    const index = Math.min(last, Math.max(0, (u.cursor.idx ?? last) + steps[event.key]));
    pointAt(charts, u.data[0][index]);
  });
  place.addEventListener('blur', () => pointAt(charts, null));
}

// ---- The histogram. Buckets differ in width, so a height is frames per width of the narrowest.

const histogram = {bars: [], norms: null, chart: null};

function showNorms(norms) {
  const lower = [0, ...norms.upperBounds];
  const all = norms.upperBounds.map((to, i) => ({from: lower[i], to, count: norms.counts[i]}));
  const filled = ({count}) => count > 0;
  const bars = all.slice(Math.max(0, all.findIndex(filled)), all.findLastIndex(filled) + 1);
  const width = Math.min(...bars.map(({from, to}) => to - from));
  Object.assign(histogram, {bars, norms});
  histogram.chart.axes[1].label = bars.length > 0 ? `frames per ${width.toPrecision(1)}` : 'frames';
  histogram.chart.setData([
    bars.map(({from, to}) => (from + to) / 2),
    bars.map(({from, to, count}) => count * width / (to - from)),
  ]);
}

/** uPlot's own bars are all of one width. */
function barPaths(u) {
  const path = new Path2D();
  const bottom = u.valToPos(0, 'y', true);
  histogram.bars.forEach(({from, to}, i) => {
    const left = u.valToPos(from, 'x', true);
    const width = u.valToPos(to, 'x', true) - left;
    const top = u.valToPos(u.data[1][i], 'y', true);
    path.rect(left, top, width > 4 ? width - 1 : width, bottom - top);
  });
  return {fill: path};
}

function barAtCursor(u) {
  const bar = histogram.bars[u.cursor.idx];
  return bar ? `${bar.from} to ${bar.to}: ${number(bar.count)} frames` : '';
}

function makeHistogram() {
  const xRange = () => [histogram.bars[0]?.from ?? 0, histogram.bars.at(-1)?.to ?? 1];
  const u = histogram.chart = makeChart('norms', {
    readout: () => ['min', 'mean', 'max'].map((name) =>
      ['', `${name} ${histogram.norms[name].toFixed(2)}`]),
    note: barAtCursor,
    series: [{fill: () => ink.first, width: 0, paths: barPaths, points: {show: false}}],
    scales: {x: {time: false, range: xRange}, y: {range: fromZero}},
    axes: [
      axis({size: 20, label: 'norm', labelSize: 16}),
      axis({size: 50, space: 24, values: shortValues, label: 'frames', labelSize: 18}),
    ],
  });
  listenToKeys(byId('norms'), u, [u]);
}

// ---- The last ten minutes

let history = null; // as the server sends it: columns by name
let newestMillis = 0;

/** Puts a point into the history, and says whether it is new. After a gap, fetches the history. */
async function takePoint(point) {
  if (history !== null && point.epochMillis === newestMillis) return false;
  const step = point.epochMillis - newestMillis;
  newestMillis = point.epochMillis;
  if (history === null || step < 0 || step > GAP_MILLIS) history = await getJson('/history.json');
  const {epochMillis} = history;
  if (point.epochMillis > (epochMillis.at(-1) ?? 0)) {
    for (const name of Object.keys(history)) history[name].push(point[name]);
  }
  const old = epochMillis.findIndex((millis) => millis >= newestMillis - 1000 * SPAN_SECONDS);
  for (const column of Object.values(history)) column.splice(0, old);
  return true;
}

function drawHistory() {
  const seconds = history.epochMillis.map((millis) => millis / 1000);
  for (const u of timeCharts) u.setData([seconds, ...u.columns.map((name) => history[name])]);
}

// ---- Polling

let answeredAt = Date.now();
let expectedSince = Date.now();

async function getJson(path) {
  const response = await fetch(path, {cache: 'no-store', signal: AbortSignal.timeout(5000)});
  if (!response.ok) throw new Error(`${path}: status ${response.status}`);
  return response.json();
}

async function update() {
  const state = await getJson('/state.json');
  const isNew = await takePoint(state.point);
  answeredAt = expectedSince = Date.now();
  showHeader(state);
  showStages(state.stages);
  showNoFrames(state.stages);
  showLedger(state.ledger);
  showEvents(state.events);
  showAnswering();
  if (!isNew) return;
  drawHistory();
  showNorms(state.norms);
}

function showAnswering() {
  const silent = !document.hidden && Date.now() - expectedSince > NO_ANSWER_MILLIS;
  if (silent !== byId('no-answer').hidden) return; // as it was
  document.body.classList.toggle('silent', silent);
  byId('no-answer').hidden = !silent;
  setText(byId('no-answer'), `No answer from the pipeline since ${clock(answeredAt)} – `
      + 'the run has ended, or its command was stopped');
}

/** One request at a time: the next waits for the answer to the last. */
async function poll() {
  for (;;) {
    const next = Date.now() + POLL_MILLIS;
    try {
      if (!document.hidden) await update();
    } catch (failure) {
      console.warn(failure);
      history = null; // points may have been missed
    }
    await new Promise((resolve) => setTimeout(resolve, next - Date.now()));
  }
}

matchMedia('(prefers-color-scheme: dark)').addEventListener('change', readColours);
document.addEventListener('visibilitychange', () => {
  history = null;
  expectedSince = Date.now();
});
readColours();
makeTimeCharts();
makeHistogram();
listenToEvents();
setInterval(showAnswering, 250);
poll();
