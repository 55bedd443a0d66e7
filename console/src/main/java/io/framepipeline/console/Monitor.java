package io.framepipeline.console;

import io.framepipeline.common.metrics.FiguresDirectory;
import io.framepipeline.common.metrics.FiguresView;
import io.framepipeline.common.metrics.Histogram;
import io.framepipeline.common.metrics.InstanceFigures;
import io.framepipeline.common.topology.Stage;
import io.framepipeline.common.transport.DriverFinder;
import io.framepipeline.console.PipelineState.Driver;
import io.framepipeline.console.PipelineState.Event;
import io.framepipeline.console.PipelineState.InstanceState;
import io.framepipeline.console.PipelineState.LedgerState;
import io.framepipeline.console.PipelineState.NormsState;
import io.framepipeline.console.PipelineState.OrphanState;
import io.framepipeline.console.PipelineState.Point;
import io.framepipeline.console.PipelineState.SourceState;
import io.framepipeline.console.PipelineState.StageState;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Comparator;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;

/**
 * Watches a pipeline by its figures in shared memory, and asks no process. Call {@link #look}
 * several times a second. Any thread may ask for what was seen.
 */
public final class Monitor {
  /** How often to look, so that a death is seen well within a second. */
  public static final long INTERVAL_NANOS = TimeUnit.MILLISECONDS.toNanos(250);

  private static final long POINT_NANOS = TimeUnit.SECONDS.toNanos(1);

  /** How long an instance is shown after its end. */
  private static final long ENDED_NANOS = TimeUnit.SECONDS.toNanos(10);

  private static final int MAX_EVENTS = 200;

  private final Path aeronDirectory;
  private final FiguresDirectory figures;
  private final History history = new History();
  private final Deque<Event> events = new ArrayDeque<>();

  /** By name, in the order that people expect: "norm-10" after "norm-9". */
  private final Map<String, InstanceHistory> instances =
      new TreeMap<>(
          Comparator.comparing((String name) -> name.replaceFirst("\\d+$", ""))
              .thenComparingInt(String::length)
              .thenComparing(Comparator.naturalOrder()));

  private Totals totals = Totals.of(FiguresView.EMPTY);
  private Totals atLastPoint = totals;
  private List<OrphanState> orphans = List.of();
  private Driver driver = new Driver(false, 0);
  private boolean hasLooked;
  private long lastEventId;

  /** Watches the pipeline with this media driver. */
  public Monitor(Path aeronDirectory) {
    this.aeronDirectory = aeronDirectory;
    this.figures = new FiguresDirectory(aeronDirectory);
  }

  /** Looks at everything once. */
  public synchronized void look() {
    FiguresView view = figures.look();
    long nowNanos = System.nanoTime();
    view.instances().forEach(instance -> update(instance, nowNanos));
    updateMissing(view, nowNanos);
    instances.values().removeIf(known -> known.hasEndedBefore(nowNanos - ENDED_NANOS));
    totals = Totals.of(view);
    orphans = OrphanState.of(view);
    lookAtDriver();
    if (!hasLooked) {
      atLastPoint = totals;
      hasLooked = true;
    } else if (totals.nanos() - atLastPoint.nanos() >= POINT_NANOS) {
      history.add(point(atLastPoint, totals));
      atLastPoint = totals;
    }
  }

  /** Notes an event that figures do not show. */
  public synchronized void note(String kind, String text) {
    if (events.size() == MAX_EVENTS) {
      events.removeFirst();
    }
    events.addLast(new Event(++lastEventId, System.currentTimeMillis(), kind, text));
  }

  /** What was seen last. */
  public synchronized PipelineState state() {
    Histogram.Snapshot norms = totals.norms();
    return new PipelineState(
        System.currentTimeMillis(),
        aeronDirectory.toString(),
        driver,
        Stage.ALL.stream().map(this::state).toList(),
        LedgerState.of(totals),
        orphans,
        totals.windowFrames(),
        new NormsState(
            Arrays.stream(norms.upperBounds()).boxed().toList(),
            Arrays.stream(norms.counts()).boxed().toList(),
            norms.min(),
            norms.mean(),
            norms.max()),
        history.newest(),
        List.copyOf(events));
  }

  /** The last ten minutes. */
  synchronized History.Columns history() {
    return history.columns();
  }

  private StageState state(Stage stage) {
    List<InstanceState> states =
        instances.values().stream()
            .filter(known -> known.instance().stage() == stage)
            .map(InstanceHistory::state)
            .toList();
    return new StageState(
        stage.label(),
        stage.inputLength(),
        stage.outputLength(),
        states.stream().mapToDouble(InstanceState::framesPerSecond).sum(),
        states.stream().mapToLong(InstanceState::waitingFrames).sum(),
        states.stream()
            .map(InstanceState::source)
            .filter(Objects::nonNull)
            .reduce(SourceState::plus)
            .orElse(null),
        states);
  }

  private void update(InstanceFigures instance, long nowNanos) {
    InstanceHistory known = instances.get(instance.name());
    if (known == null) {
      if (!instance.isAlive()) {
        // It ended before this monitor looked for the first time.
        return;
      }
      known = new InstanceHistory();
      instances.put(instance.name(), known);
    }
    boolean wasAlive = known.instance() == null || known.instance().isAlive();
    boolean hadBegun = known.hasBegun();
    known.update(instance, nowNanos);
    if (hasLooked && !hadBegun && known.hasBegun()) {
      note("start", instance.name() + " is at work");
    }
    if (wasAlive && !instance.isAlive()) {
      noteEnd(instance);
    }
  }

  private void updateMissing(FiguresView view, long nowNanos) {
    List<String> present = view.instances().stream().map(InstanceFigures::name).toList();
    instances.forEach(
        (name, known) -> {
          if (!present.contains(name)) {
            boolean wasAlive = known.instance().isAlive();
            known.onGone(nowNanos);
            if (wasAlive) {
              noteEnd(known.instance());
            }
          }
        });
  }

  private void noteEnd(InstanceFigures instance) {
    if (instance.hasDied()) {
      note("death", instance.name() + " died");
    } else {
      note("end", instance.name() + " ended");
    }
  }

  private void lookAtDriver() {
    long pid = DriverFinder.driverPid(aeronDirectory);
    boolean isAlive = pid != 0;
    boolean isAnother = isAlive && driver.pid() != 0 && driver.pid() != pid;
    if (hasLooked && driver.alive() && (!isAlive || isAnother)) {
      note("driver", "media driver lost");
    }
    if (hasLooked && isAlive && (!driver.alive() || isAnother)) {
      note("driver", "media driver at work");
    }
    driver = new Driver(isAlive, isAlive ? pid : driver.pid());
  }

  private static Point point(Totals before, Totals now) {
    double seconds = (now.nanos() - before.nanos()) / (double) TimeUnit.SECONDS.toNanos(1);
    long acknowledged = now.ledger().framesAcknowledged() - before.ledger().framesAcknowledged();
    Histogram.Snapshot latency = now.latencyNanos().minus(before.latencyNanos());
    boolean isKnown = latency.count() > 0;
    return new Point(
        System.currentTimeMillis(),
        acknowledged / seconds,
        isKnown ? latency.quantile(0.5) / 1e3 : null,
        isKnown ? latency.quantile(0.99) / 1e3 : null,
        now.ledger().framesInFlight(),
        now.windowFrames());
  }
}
