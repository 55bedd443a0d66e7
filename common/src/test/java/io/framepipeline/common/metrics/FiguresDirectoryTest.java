package io.framepipeline.common.metrics;

import static org.assertj.core.api.Assertions.assertThat;

import io.framepipeline.common.linux.OtherProcess;
import io.framepipeline.common.metrics.FiguresDirectory.Instance;
import io.framepipeline.common.metrics.FiguresDirectory.View;
import io.framepipeline.common.topology.Stage;
import io.framepipeline.common.wire.RejectReason;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.agrona.concurrent.status.AtomicCounter;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(value = 1, unit = TimeUnit.MINUTES)
class FiguresDirectoryTest {
  @TempDir private Path directory;

  private final List<Process> processes = new ArrayList<>();
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
    assertThat(figures.look()).isEqualTo(View.EMPTY);
    assertThat(figures.find("norm-1")).isNull();
  }

  @Test
  void shouldShowEveryFigureOfALivingInstance() throws Exception {
    start(Stage.NORM, "norm-1");
    Instance instance = only(figures.look());
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
    Instance instance = only(figures.look());
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
    View view = new FiguresDirectory(directory.resolve("aeron")).look();
    assertThat(view.instances()).extracting(Instance::name).containsExactly("norm-3");
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
  void shouldNotCountAnInstanceTwiceThatWasAddedAndNotDeleted() throws Exception {
    kill(start(Stage.NORM, "norm-1"));
    Path file = FiguresDirectory.path(directory.resolve("aeron")).resolve("norm-1.figures");
    byte[] content = Files.readAllBytes(file);
    long normed = normed(figures.look());
    figures.create(Stage.NORM, "norm-2");
    Files.write(file, content);

    View view = new FiguresDirectory(directory.resolve("aeron")).look();
    assertThat(view.instances()).extracting(Instance::name).containsExactly("norm-2");
    assertThat(normed(view)).isEqualTo(normed);
    // The next one clears it away.
    kill(start(Stage.NORM, "norm-3"));
    figures.create(Stage.NORM, "norm-4");
    assertThat(file).doesNotExist();
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
    Instance instance = only(figures.look());
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

  private static Instance only(View view) {
    assertThat(view.instances()).hasSize(1);
    return view.instances().getFirst();
  }

  private static long normed(View view) {
    return view.instances().stream().mapToLong(Instance::frames).sum()
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
