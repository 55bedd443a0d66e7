package io.framepipeline.systemtests;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.framepipeline.common.metrics.Figure;
import io.framepipeline.common.metrics.StageStats;
import io.framepipeline.common.topology.Stage;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.function.LongToDoubleFunction;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Readers are killed at random, with all else that can be: another reader goes on with the frames
 * of each. The seed, {@code readers.seed}, decides what is killed and when; a failure prints it
 * with a log of what was killed. Each run is disturbed for {@code readers.seconds}.
 */
@Timeout(value = 1, unit = TimeUnit.HOURS)
class ReaderKillIT {
  private static final long SECONDS = Long.getLong("readers.seconds", 5);
  private static final long SEED = Long.getLong("readers.seed", System.nanoTime());

  /** What two cores carry with room for restarts. */
  private static final int RATE = 10_000;

  /** Of the file that is read again and again. */
  private static final int FILE_FRAMES = 5000;

  private static final int MIN_PAUSE_MILLIS = 500;
  private static final int MAX_PAUSE_MILLIS = 2000;

  /** What the reader may be in the middle of when it is killed: then its input cannot go on. */
  private static final int NO_INPUT = 66;

  private static final int MAX_TRIES = 3;

  private final List<String> events = new ArrayList<>();
  private final Map<String, Integer> kills = new TreeMap<>();
  private Random random = new Random(SEED);
  private long startNanos = System.nanoTime();

  @TempDir private Path directory;

  @ParameterizedTest
  @ValueSource(strings = {"txt", "npy"})
  void shouldWriteWhatAnUndisturbedRunWrites(String suffix) throws Exception {
    random = new Random(SEED + suffix.hashCode());
    long frames = SECONDS * RATE;
    Path file = numberedFile(new NumberedFrames(SEED));
    String[] source = {"--source=" + file, "--repeat", "--frames=" + frames};
    Path expected = undisturbed("undisturbed." + suffix, frames, source);
    Path results = directory.resolve("disturbed." + suffix);
    try (PipelineProcess run =
        PipelineProcess.run(directory, with(source, "--results=" + results, "--rate=" + RATE))) {
      explain(
          run,
          () -> {
            disturb(run);
            assertEnds(run);
            run.assertNothingLost(frames);
            assertSame(results, expected);
          });
    }
  }

  /**
   * A kill inside a read(2) of a pipe may leave unknown how far was read. Then the run ends and
   * says so, and the test begins again with another seed.
   */
  @Test
  void shouldWriteEachNormOfAPipesFramesOnce() throws Exception {
    for (int tries = 1; !isFifoReadToItsEnd(SEED + tries); tries++) {
      assertThat(tries).as("runs that ended since a read was interrupted").isLessThan(MAX_TRIES);
    }
  }

  /** Returns false if a kill inside a read ended the run. */
  private boolean isFifoReadToItsEnd(long seed) throws Exception {
    random = new Random(seed);
    Path results = directory.resolve("fifo-" + seed + ".txt");
    try (NumberedFifo source = new NumberedFifo(directory.resolve("fifo-" + seed), seed);
        PipelineProcess run =
            PipelineProcess.run(
                directory, "--source=" + source.path(), "--rate=" + RATE, "--results=" + results)) {
      explain(
          run,
          () -> {
            disturb(run);
            if (run.process().isAlive()) {
              long frames = source.end();
              if (awaitEnd(run) != NO_INPUT) {
                assertEnds(run);
                run.assertNothingLost(frames);
                PrintedNumbers.of(source::norm, results).assertComplete(frames);
                return;
              }
            }
            List<String> why =
                run.err().lines().filter(line -> line.contains("source " + source.path())).toList();
            assertThat(why).as("lines that say why the run ended").hasSize(1);
            System.out.printf("reader kills: seed %d: %s%n", seed, why.getFirst());
          });
      return run.process().exitValue() != NO_INPUT;
    }
  }

  /** Of those that were written last, some may come again. */
  @Test
  void shouldPrintEveryNormInOrderThoughSomeComeAgain() throws Exception {
    long frames = SECONDS * RATE;
    NumberedFrames numbered = new NumberedFrames(SEED);
    try (PipelineProcess run =
        PipelineProcess.runPiped(
            directory,
            "--source=" + numberedFile(numbered),
            "--repeat",
            "--frames=" + frames,
            "--rate=" + RATE,
            "--print=all")) {
      PrintedNumbers printed =
          PrintedNumbers.withRepeats(normOfRepeated(numbered), run.process().getInputStream());
      explain(
          run,
          () -> {
            disturb(run);
            assertEnds(run);
            run.assertNothingLost(frames);
            printed.assertComplete(frames);
            int readersKilled = kills.getOrDefault(Stage.READER.label(), 0);
            assertThat(printed.repeats()).as("repeats").isLessThanOrEqualTo(readersKilled);
          });
    }
  }

  @Test
  void shouldGoOnWithTheFramesOfTwoReadersThatAreKilledAtTheSameMoment() throws Exception {
    long frames = 3L * RATE;
    Path file = numberedFile(new NumberedFrames(SEED));
    String[] source = {"--source=" + file, "--repeat", "--frames=" + frames, "--readers=2"};
    undisturbed("undisturbed.txt", 2 * frames, source);
    Path results = directory.resolve("disturbed.txt");
    try (PipelineProcess run =
        PipelineProcess.run(
            directory, with(source, "--results=" + results, "--rate=" + RATE / 2))) {
      explain(
          run,
          () -> {
            try (TotalLedgerSampler ledger = TotalLedgerSampler.of(run, 2 * frames)) {
              for (int generation = 0; generation < 3; generation++) {
                kill(Stage.READER.label(), awaitReaders(run, generation));
              }
              awaitReaders(run, 3);
              ledger.assertAlwaysRight();
            }
            assertEnds(run);
            run.assertNothingLost(2 * frames);
            assertSame(results, directory.resolve("undisturbed.txt"));
            assertSame(
                directory.resolve("disturbed.1.txt"), directory.resolve("undisturbed.1.txt"));
          });
    }
  }

  /** The reader dies after the run was told to end, or just before: then its place is empty. */
  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void shouldDeliverWhatIsInFlightThoughTheReaderIsKilledAroundTheEnd(boolean isToldFirst)
      throws Exception {
    NumberedFrames numbered = new NumberedFrames(SEED);
    Path results = directory.resolve("results.txt");
    // A full window takes the norm a second.
    FaultInjection faults = new FaultInjection(directory).slow(Stage.NORM, 1000);
    try (PipelineProcess run =
        PipelineProcess.run(
            directory,
            faults.environment(Map.of()),
            "--source=" + numberedFile(numbered),
            "--repeat",
            "--results=" + results)) {
      explain(
          run,
          () -> {
            StageStats reader = run.stats(Stage.READER);
            List<ProcessHandle> readers = run.services(Stage.READER);
            run.awaitAcknowledged(100);
            if (isToldFirst) {
              run.signal("TERM");
              await()
                  .atMost(PipelineProcess.LIMIT)
                  .until(() -> reader.counter(Figure.STOPPING).get() == 1);
              kill(Stage.READER.label(), readers);
            } else {
              kill(Stage.READER.label(), readers);
              await().atMost(PipelineProcess.LIMIT).until(() -> !readers.getFirst().isAlive());
              run.signal("TERM");
            }
            assertThat(reader.ledger.read().framesInFlight()).as("in flight then").isPositive();
            assertEnds(run);
            long frames = run.report().get("framesRead").asLong();
            assertThat(frames).isGreaterThanOrEqualTo(reader.ledger.read().framesRead());
            run.assertNothingLost(frames);
            PrintedNumbers.of(normOfRepeated(numbered), results).assertComplete(frames);
          });
    }
  }

  /** What is checked of a run. */
  @FunctionalInterface
  private interface Check {
    void check() throws Exception;
  }

  /** Adds to a failure what is needed to repeat it, and tells of a success what was survived. */
  private void explain(PipelineProcess run, Check check) throws Exception {
    try {
      check.check();
      System.out.printf(
          "reader kills: seed %d, killed %s; redelivered %s of %s%n",
          SEED, kills, run.report().get("framesRedelivered"), run.report().get("framesRead"));
    } catch (AssertionError | RuntimeException e) {
      throw new AssertionError(
          "seed %s%n%s%n%s".formatted(SEED, String.join(System.lineSeparator(), events), run.err()),
          e);
    }
  }

  /** Kills for a while, readers more often than others. */
  private void disturb(PipelineProcess run) throws InterruptedException {
    startNanos = System.nanoTime();
    try (TotalLedgerSampler ledger = TotalLedgerSampler.of(run, Long.MAX_VALUE)) {
      run.awaitAcknowledged(1000);
      // It is over before the input is, so the figures are there all the while.
      long endNanos = startNanos + TimeUnit.SECONDS.toNanos(SECONDS);
      long pauseNanos = nextPauseNanos();
      while (run.process().isAlive() && System.nanoTime() + pauseNanos - endNanos < 0) {
        TimeUnit.NANOSECONDS.sleep(pauseNanos);
        killOne(run);
        ledger.assertAlwaysRight();
        pauseNanos = nextPauseNanos();
      }
    }
    assertThat(run.err()).as("who dies was killed").doesNotContainPattern("exit code (?!137)");
  }

  private long nextPauseNanos() {
    return TimeUnit.MILLISECONDS.toNanos(random.nextInt(MIN_PAUSE_MILLIS, MAX_PAUSE_MILLIS));
  }

  private void killOne(PipelineProcess run) {
    int dice = random.nextInt(10);
    if (dice < 5) {
      kill(Stage.READER.label(), run.services(Stage.READER));
    } else if (dice < 7) {
      kill(Stage.RECIPROCAL.label(), run.services(Stage.RECIPROCAL));
    } else if (dice < 9) {
      kill(Stage.NORM.label(), run.services(Stage.NORM));
    } else {
      kill("driver", run.processes("DriverService"));
    }
  }

  /** By one command, so that none sees another one's end. */
  private void kill(String what, List<ProcessHandle> victims) {
    List<ProcessHandle> alive = victims.stream().filter(ProcessHandle::isAlive).toList();
    events.add(
        String.format(
            Locale.ROOT,
            "%9.3f s  kill %s %s",
            Duration.ofNanos(System.nanoTime() - startNanos).toMillis() / 1e3,
            what,
            alive.stream().map(ProcessHandle::pid).toList()));
    kills.merge(what, alive.size(), Integer::sum);
    if (!alive.isEmpty()) {
      PipelineProcess.signal(alive, "KILL");
    }
  }

  /** Waits until two readers have the numbers 0 and 1, each the same number of times taken over. */
  private static List<ProcessHandle> awaitReaders(PipelineProcess run, long generation) {
    return await()
        .atMost(PipelineProcess.LIMIT)
        .until(
            () -> run.services(Stage.READER),
            readers -> {
              List<StageStats> stats =
                  readers.stream().map(run::findStats).filter(Objects::nonNull).toList();
              return stats.stream()
                      .map(one -> one.counter(Figure.READER).get())
                      .sorted()
                      .toList()
                      .equals(List.of(1L, 2L))
                  && stats.stream()
                      .allMatch(
                          one ->
                              one.counter(Figure.GENERATION).get() == generation
                                  && one.counter(Figure.READY).get() == 1);
            });
  }

  /** What a run writes in which nothing dies. */
  private Path undisturbed(String name, long frames, String... options) throws Exception {
    Path results = directory.resolve(name);
    try (PipelineProcess run =
        PipelineProcess.run(directory, with(options, "--results=" + results))) {
      assertEnds(run);
      run.assertNothingLost(frames);
    }
    return results;
  }

  private Path numberedFile(NumberedFrames numbered) throws IOException {
    ByteBuffer frames = ByteBuffer.allocate(FILE_FRAMES * Reference.FRAME_LENGTH);
    for (int number = 0; number < FILE_FRAMES; number++) {
      numbered.put(frames, number);
    }
    return Files.write(directory.resolve("frames"), frames.array());
  }

  private static LongToDoubleFunction normOfRepeated(NumberedFrames numbered) {
    return sequence -> numbered.norm(sequence % FILE_FRAMES);
  }

  private static void assertSame(Path results, Path expected) throws IOException {
    assertThat(Files.mismatch(results, expected))
        .as("first byte of %s that differs", results.getFileName())
        .isEqualTo(-1);
  }

  private static void assertEnds(PipelineProcess run) throws InterruptedException {
    assertThat(awaitEnd(run)).as("exit code").isZero();
  }

  private static int awaitEnd(PipelineProcess run) throws InterruptedException {
    assertThat(run.process().waitFor(1, TimeUnit.HOURS)).isTrue();
    return run.process().exitValue();
  }

  private static String[] with(String[] options, String... more) {
    return Stream.concat(Stream.of(options), Stream.of(more)).toArray(String[]::new);
  }
}
