package io.framepipeline.common.metrics;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.tuple;

import io.framepipeline.common.linux.OtherProcess;
import io.framepipeline.common.topology.Stage;
import io.framepipeline.common.wire.RejectReason;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.agrona.concurrent.status.AtomicCounter;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(value = 1, unit = TimeUnit.MINUTES)
class FiguresDirectoryTest {
  @TempDir private Path directory;

  private final List<Process> processes = new ArrayList<>();
  private final Map<String, StageStats> own = new HashMap<>();
  private FiguresDirectory figures;

  @BeforeEach
  void open() {
    figures = new FiguresDirectory(directory.resolve("aeron"));
  }

  @AfterEach
  void endProcesses() {
    processes.forEach(Process::destroyForcibly);
  }

  @Test
  void shouldShowNothingWhereNoInstanceHasStarted() {
    assertThat(figures.look()).isEqualTo(FiguresView.EMPTY);
    assertThat(figures.find("norm-1")).isNull();
  }

  @Test
  void shouldShowEveryFigureOfALivingInstance() throws Exception {
    start(Stage.NORM, "norm-1");
    InstanceFigures instance = only(figures.look());
    assertThat(instance.name()).isEqualTo("norm-1");
    assertThat(instance.stage()).isEqualTo(Stage.NORM);
    assertThat(instance.isAlive()).isTrue();
    assertThat(instance.hasDied()).isFalse();
    assertAll(instance.stats());
    assertAll(figures.find("norm-1"));
  }

  @Test
  void shouldKeepTheFiguresOfAnInstanceThatIsKilled() throws Exception {
    kill(start(Stage.NORM, "norm-1"));
    InstanceFigures instance = only(figures.look());
    assertThat(instance.isAlive()).isFalse();
    assertAll(instance.stats());
  }

  @Test
  void shouldCountDeadInstancesOnceAlsoAfterAnotherHasStarted() throws Exception {
    Process first = start(Stage.NORM, "norm-1");
    Process second = start(Stage.NORM, "norm-2");
    kill(first);
    kill(second);
    long normed = normed(figures.look());

    StageStats third = figures.create(Stage.NORM, "norm-3");
    FiguresView view = new FiguresDirectory(directory.resolve("aeron")).look();
    assertThat(view.instances()).extracting(InstanceFigures::name).containsExactly("norm-3");
    assertThat(normed(view)).isEqualTo(normed).isPositive();
    StageStats sum = view.sums().get(Stage.NORM);
    assertThat(sum.norms.snapshot().count()).isEqualTo(4);
    assertThat(sum.latencyNanos.snapshot().count()).isEqualTo(2);
    // Nothing of a dead reader is in flight.
    assertThat(sum.ledger.read()).isEqualTo(new Ledger.Entry(20, 8, 0, 4, 2, 14));
    assertThat(third.counter(Figure.RESTARTS).get()).isZero();
  }

  @Test
  void shouldTellHowManyDeathsAnInstanceFollows() throws Exception {
    StageStats first = figures.create(Stage.NORM, "norm-1");
    assertThat(first.counter(Figure.RESTARTS).get()).isZero();
    Process second = start(Stage.NORM, "norm-2", 0, 2);
    kill(second);
    assertThat(figures.create(Stage.NORM, "norm-3").counter(Figure.RESTARTS).get()).isEqualTo(3);
    assertThat(figures.create(Stage.NORM, "norm-4").counter(Figure.RESTARTS).get()).isZero();
  }

  @Test
  void shouldStartThoughAnotherInstanceFinishesItsFiguresMeanwhile() throws Exception {
    start(Stage.NORM, "norm-1");
    Path unfinished = FiguresDirectory.path(directory.resolve("aeron")).resolve("norm-2.new");
    // As a file that is listed, and has another name when it is looked at.
    Files.createSymbolicLink(unfinished, Path.of("renamed"));

    assertThat(figures.create(Stage.NORM, "norm-3").counter(Figure.PID).get()).isPositive();
  }

  @Test
  void shouldNotCountAnInstanceTwiceThatWasAddedAndNotDeleted() throws Exception {
    kill(start(Stage.NORM, "norm-1"));
    Path file = FiguresDirectory.path(directory.resolve("aeron")).resolve("norm-1.figures");
    byte[] content = Files.readAllBytes(file);
    long normed = normed(figures.look());
    figures.create(Stage.NORM, "norm-2");
    Files.write(file, content);

    FiguresView view = new FiguresDirectory(directory.resolve("aeron")).look();
    assertThat(view.instances()).extracting(InstanceFigures::name).containsExactly("norm-2");
    assertThat(normed(view)).isEqualTo(normed);
    // The next one clears it away.
    kill(start(Stage.NORM, "norm-3"));
    figures.create(Stage.NORM, "norm-4");
    assertThat(file).doesNotExist();
  }

  @Test
  void shouldCountAReadersLedgerOnceItHasItsNumber() throws Exception {
    StageStats reader = figures.create(Stage.READER, "reader-1");
    reader.ledger.write(10, 7, 3, 0, 0, 0);
    assertThat(ledger()).isEqualTo(Ledger.Entry.EMPTY);
    reader.counter(Figure.READER).set(1);
    assertThat(ledger()).isEqualTo(new Ledger.Entry(10, 7, 3, 0, 0, 0));
  }

  /** It has no number, since Kafka knows where another reader is to go on. */
  @Test
  void shouldCountTheLedgerOfAReaderOfKafkaWithoutANumber() throws Exception {
    StageStats reader = figures.create(Stage.READER, "reader-1");
    reader.counter(Figure.IS_REREAD).set(1);
    reader.ledger.write(10, 7, 3, 0, 0, 0);
    assertThat(ledger()).isEqualTo(new Ledger.Entry(10, 7, 3, 0, 0, 0));
    die("reader-1");
    assertThat(figures.look().orphans()).isEmpty();
    assertThat(ledger()).isEqualTo(new Ledger.Entry(10, 7, 0, 0, 3, 0));
    assertThat(create("reader-2").counter(Figure.RESTARTS).get()).isEqualTo(1);
    assertThat(ledger()).isEqualTo(new Ledger.Entry(10, 7, 0, 0, 3, 0));
  }

  @Test
  void shouldCountOneLedgerAtEachStepOfATakeover() throws Exception {
    reader("reader-1", 1, 0, new Ledger.Entry(10, 7, 3, 0, 0, 0));
    die("reader-1");
    Ledger.Entry orphaned = new Ledger.Entry(10, 7, 0, 0, 0, 0);
    assertThat(ledger()).isEqualTo(orphaned);
    assertThat(orphans()).containsExactly("reader-1");

    StageStats successor = create("reader-2");
    assertThat(orphans()).containsExactly("reader-1");
    assertThat(ledger()).isEqualTo(orphaned);
    successor.ledger.write(10, 7, 3, 0, 0, 0);
    assertThat(ledger()).isEqualTo(orphaned);
    successor.counter(Figure.GENERATION).set(1);
    assertThat(ledger()).isEqualTo(orphaned);
    successor.counter(Figure.READER).set(1);
    assertThat(ledger()).isEqualTo(new Ledger.Entry(10, 7, 3, 0, 0, 0));
    assertThat(orphans()).isEmpty();
    successor.ledger.write(11, 9, 2, 0, 0, 3);
    assertThat(ledger()).isEqualTo(new Ledger.Entry(11, 9, 2, 0, 0, 3));

    create("reader-3");
    assertThat(names()).containsExactly("reader-2", "reader-3");
    assertThat(ledger()).isEqualTo(new Ledger.Entry(11, 9, 2, 0, 0, 3));
  }

  /** Their names are in no order: "reader-10" comes before "reader-9". */
  @Test
  void shouldCountTheNewestOfThreeGenerationsAlsoIfTheOthersWereAddedAndNotDeleted()
      throws Exception {
    reader("reader-9", 1, 0, new Ledger.Entry(10, 7, 3, 0, 0, 0));
    byte[] first = die("reader-9");
    reader("reader-8", 1, 1, new Ledger.Entry(20, 15, 5, 0, 0, 0));
    die("reader-8");
    create("reader-6");
    assertThat(names()).containsExactly("reader-6", "reader-8");
    Files.write(file("reader-9"), first);
    assertThat(ledger()).isEqualTo(new Ledger.Entry(20, 15, 0, 0, 0, 0));
    assertThat(orphans()).containsExactly("reader-8");

    Ledger.Entry last = new Ledger.Entry(30, 30, 0, 0, 0, 2);
    reader("reader-7", 1, 2, last).counter(Figure.ENDED).set(1);
    byte[] third = die("reader-7");
    assertThat(ledger()).isEqualTo(last);
    create("reader-5");
    assertThat(names()).containsExactly("reader-5", "reader-6");
    assertThat(ledger()).isEqualTo(last);
    Files.write(file("reader-7"), third);
    assertThat(ledger()).isEqualTo(last);
  }

  /** The kernel frees a dying process's locks one after another. */
  @Test
  void shouldAddAReaderAfterThoseThatHadItsNumberThoughOneIsSeenToHoldItsLock() throws Exception {
    reader("reader-1", 1, 0, new Ledger.Entry(10, 7, 3, 0, 0, 0));
    Ledger.Entry last = new Ledger.Entry(30, 30, 0, 0, 0, 2);
    reader("reader-2", 1, 1, last).counter(Figure.ENDED).set(1);
    die("reader-2");
    create("reader-3");
    assertThat(names()).containsExactly("reader-3");
    assertThat(ledger()).isEqualTo(last);
  }

  @Test
  void shouldCountADeathOnceForTheReaderThatTakesOver() throws Exception {
    reader("reader-1", 1, 0, Ledger.Entry.EMPTY);
    reader("reader-2", 2, 0, Ledger.Entry.EMPTY);
    die("reader-1");
    // It dies before it has taken over.
    assertThat(create("reader-3").counter(Figure.RESTARTS).get()).isZero();
    die("reader-3");
    StageStats successor = create("reader-4");
    assertThat(successor.counter(Figure.RESTARTS).get()).isEqualTo(1);
    successor.counter(Figure.GENERATION).set(1);
    successor.counter(Figure.READER).set(1);
    create("reader-5");
    assertThat(figures.look().instances())
        .extracting(InstanceFigures::name, InstanceFigures::restarts)
        .containsExactly(tuple("reader-2", 0L), tuple("reader-4", 2L), tuple("reader-5", 0L));
  }

  /** Readers start, take over, die and end in any order, as the seed says. */
  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4, 5})
  void shouldMissNothingAndCountNothingTwiceWhateverHappensToReaders(long seed) throws Exception {
    Random random = new Random(seed);
    int started = 0;
    List<String> starting = new ArrayList<>();
    List<Lineage> lineages = new ArrayList<>();
    for (int step = 0; step < 300; step++) {
      Lineage one = lineages.isEmpty() ? null : lineages.get(random.nextInt(lineages.size()));
      boolean isLiving = one != null && one.living != null;
      switch (random.nextInt(6)) {
        case 0 -> starting.add(createAndPerhapsDie("reader-" + started++, random.nextBoolean()));
        case 1 -> {
          if (!starting.isEmpty()) {
            die(starting.removeLast());
          }
        }
        case 2, 3 -> {
          boolean isNew = one == null || one.living != null || one.isEnded;
          if (!starting.isEmpty() && (isNew || random.nextInt(4) > 0)) {
            takeOver(starting.removeFirst(), isNew ? new Lineage() : one, lineages);
          }
        }
        case 4 -> {
          if (isLiving && random.nextBoolean()) {
            die(one.living);
            one.living = null;
          }
        }
        default -> {
          if (isLiving && random.nextInt(4) == 0) {
            one.write(one.ledger.framesRead(), 0);
            own.get(one.living).counter(Figure.ENDED).set(1);
            die(one.living);
            one.living = null;
            one.isEnded = true;
          } else if (isLiving) {
            one.write(one.ledger.framesRead() + random.nextInt(100), random.nextInt(50));
          }
        }
      }
      assertThat(ledger()).as("after step %s", step).isEqualTo(expected(lineages));
    }
    assertThat(lineages).hasSizeGreaterThan(5);
    assertThat(names()).as("files that are left").hasSizeLessThan(60);
  }

  @Test
  void shouldRememberWhatWasSeenIfTheDirectoryIsDeleted() throws Exception {
    start(Stage.NORM, "norm-1");
    figures.look();
    Path path = FiguresDirectory.path(directory.resolve("aeron"));
    try (var files = Files.list(path)) {
      for (Path file : files.toList()) {
        Files.delete(file);
      }
    }
    Files.delete(path);
    InstanceFigures instance = only(figures.look());
    assertThat(instance.isAlive()).isFalse();
    assertAll(instance.stats());
  }

  @Test
  void shouldIgnoreFiguresOfAnotherVersionAndOtherFiles() throws Exception {
    Path path = FiguresDirectory.path(directory.resolve("aeron"));
    Files.createDirectories(path);
    Files.write(path.resolve("norm-1.figures"), new byte[1]);
    Files.write(path.resolve("norm-2.figures"), new byte[100_000]);
    assertThat(figures.look().instances()).isEmpty();
  }

  @Test
  void shouldBeThisUsersAlone() throws Exception {
    figures.create(Stage.NORM, "norm-1");
    Path path = FiguresDirectory.path(directory.resolve("aeron"));
    assertThat(Files.getPosixFilePermissions(path)).hasSize(3);
    assertThat(Files.getPosixFilePermissions(path.resolve("norm-1.figures"))).hasSize(2);
  }

  /** The readers of one number, one after another, and what their ledger should be. */
  private final class Lineage {
    private long number;
    private long generation = -1;
    private String living;
    private boolean isEnded;
    private Ledger.Entry ledger = Ledger.Entry.EMPTY;

    void write(long read, long inFlight) {
      ledger =
          new Ledger.Entry(
              read, read - Math.min(read, inFlight), Math.min(read, inFlight), 0, 0, 0);
      own.get(living).ledger.write(ledger);
    }
  }

  private static Ledger.Entry expected(List<Lineage> lineages) {
    return lineages.stream()
        .map(one -> one.living == null ? one.ledger.withoutInFlight(false) : one.ledger)
        .reduce(Ledger.Entry.EMPTY, Ledger.Entry::plus);
  }

  private void takeOver(String name, Lineage lineage, List<Lineage> lineages) {
    if (!lineages.contains(lineage)) {
      lineages.add(lineage);
      lineage.number = lineages.size();
    }
    StageStats stats = own.get(name);
    Ledger.Entry before = ledger();
    stats.ledger.write(lineage.ledger);
    assertThat(ledger()).isEqualTo(before);
    stats.counter(Figure.GENERATION).set(++lineage.generation);
    assertThat(ledger()).isEqualTo(before);
    stats.counter(Figure.READER).set(lineage.number);
    lineage.living = name;
  }

  /** Starts a reader, which adds ended ones to the sum, and perhaps dies of the last deletion. */
  private String createAndPerhapsDie(String name, boolean dies) throws IOException {
    Map<String, byte[]> before = new HashMap<>();
    for (String one : names()) {
      before.put(one, Files.readAllBytes(file(one)));
    }
    create(name);
    StageStats sum = figures.look().sums().get(Stage.READER);
    byte[] lastAdded = sum == null ? null : before.get(sum.lastAdded());
    if (dies && lastAdded != null) {
      Files.write(file(sum.lastAdded()), lastAdded);
    }
    return name;
  }

  private StageStats create(String name) throws IOException {
    StageStats stats = figures.create(Stage.READER, name);
    own.put(name, stats);
    return stats;
  }

  private StageStats reader(String name, long number, long generation, Ledger.Entry ledger)
      throws IOException {
    StageStats stats = create(name);
    stats.ledger.write(ledger);
    stats.counter(Figure.GENERATION).set(generation);
    stats.counter(Figure.READER).set(number);
    return stats;
  }

  /** Leaves a file that no process has locked in place of a reader's; returns what is in it. */
  private byte[] die(String name) throws IOException {
    byte[] content = Files.readAllBytes(file(name));
    Files.delete(file(name));
    return Files.readAllBytes(Files.write(file(name), content));
  }

  private Path file(String name) {
    return FiguresDirectory.path(directory.resolve("aeron")).resolve(name + ".figures");
  }

  private List<String> names() {
    return figures.look().instances().stream().map(InstanceFigures::name).toList();
  }

  private List<String> orphans() {
    return figures.look().orphans().stream().map(InstanceFigures::name).toList();
  }

  /** Of all readers, as a process sees it that looks for the first time. */
  private Ledger.Entry ledger() {
    FiguresView view = new FiguresDirectory(directory.resolve("aeron")).look();
    return Stream.concat(
            view.instances().stream().map(InstanceFigures::ledger),
            view.sums().values().stream().map(sum -> sum.ledger.read()))
        .reduce(Ledger.Entry.EMPTY, Ledger.Entry::plus);
  }

  private Process start(Stage stage, String name) throws IOException {
    return start(stage, name, 1, 0);
  }

  private Process start(Stage stage, String name, int isFilled, int restarts) throws IOException {
    Process process =
        OtherProcess.start(
            FiguresDirectoryTest.class,
            directory.resolve("aeron"),
            stage.name(),
            name,
            isFilled,
            restarts);
    processes.add(process);
    assertThat(process.getInputStream().read()).isEqualTo('!');
    return process;
  }

  private static void kill(Process process) throws InterruptedException {
    process.destroyForcibly().waitFor();
  }

  /**
   * An instance: makes figures, and stays until its standard input ends, as it does with the test.
   */
  public static void main(String[] args) throws IOException {
    StageStats stats =
        new FiguresDirectory(Path.of(args[0])).create(Stage.valueOf(args[1]), args[2]);
    if (args[3].equals("1")) {
      setAll(stats);
    } else {
      stats.counter(Figure.RESTARTS).set(Long.parseLong(args[4]));
    }
    System.out.write('!');
    System.out.flush();
    while (System.in.read() >= 0) {
      // Until it ends.
    }
  }

  private static InstanceFigures only(FiguresView view) {
    assertThat(view.instances()).hasSize(1);
    return view.instances().getFirst();
  }

  private static long normed(FiguresView view) {
    return view.instances().stream().mapToLong(InstanceFigures::frames).sum()
        + view.sums().values().stream()
            .mapToLong(sum -> sum.counter(Figure.FRAMES_NORMED).get())
            .sum();
  }

  /** Each a value of its own, so that two that overlap would be noticed. */
  private static void setAll(StageStats stats) {
    long value = 1_000;
    for (AtomicCounter counter : counters(stats)) {
      counter.setRelease(value++);
    }
    stats.ledger.write(10, 4, 3, 2, 1, 7);
    stats.latencyNanos.record(20_000);
    stats.norms.record(5.1);
    stats.norms.record(1e9);
  }

  private static void assertAll(StageStats stats) {
    long value = 1_000;
    for (AtomicCounter counter : counters(stats)) {
      assertThat(counter.get()).isEqualTo(value++);
    }
    assertThat(stats.ledger.read()).isEqualTo(new Ledger.Entry(10, 4, 3, 2, 1, 7));
    assertThat(stats.latencyNanos.snapshot().count()).isEqualTo(1);
    assertThat(stats.latencyNanos.snapshot().max()).isEqualTo(20_000);
    assertThat(stats.norms.snapshot().count()).isEqualTo(2);
    assertThat(stats.norms.snapshot().sum()).isEqualTo(1e9 + 5.1);
    assertThat(stats.norms.snapshot().counts()).endsWith(1);
  }

  private static List<AtomicCounter> counters(StageStats stats) {
    List<AtomicCounter> counters =
        new ArrayList<>(Arrays.stream(Figure.values()).map(stats::counter).toList());
    for (RejectReason reason : RejectReason.values()) {
      counters.add(stats.rejected(reason));
    }
    return counters;
  }
}
