package io.framepipeline.systemtests;

import static org.assertj.core.api.Assertions.assertThat;

import io.framepipeline.common.topology.Stage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;

/**
 * Everything at once, at random: services and the driver are killed and stopped, stages scaled, for
 * {@code chaos.seconds}, while numbered frames flow. The seed, {@code chaos.seed}, decides what
 * happens and when; a failure prints it with a log of what happened.
 */
@Timeout(value = 1, unit = TimeUnit.HOURS)
class ChaosIT {
  private static final long SECONDS = Long.getLong("chaos.seconds", 60);
  private static final long SEED = Long.getLong("chaos.seed", System.nanoTime());

  /** What two cores carry with room for restarts. */
  private static final String RATE = System.getProperty("chaos.rate", "15000");

  /** Of the file that is read again and again. */
  private static final int FILE_FRAMES = 5000;

  private static final int MAX_INSTANCES = 3;
  private static final int MIN_PAUSE_MILLIS = 500;
  private static final int MAX_PAUSE_MILLIS = 4000;

  /** Some longer than the driver waits before it evicts who does not move. */
  private static final int MAX_STOP_MILLIS = 8000;

  /** What may be sent again, of what was read. */
  private static final double MAX_REDELIVERED = 0.01;

  private static final List<Stage> STAGES = List.of(Stage.values());

  private final Random random = new Random(SEED);
  private final List<String> events = new ArrayList<>();
  private final List<CompletableFuture<Void>> pending = new ArrayList<>();
  private final List<Process> scaleCommands = new ArrayList<>();

  private long startNanos;
  private final Map<String, Integer> kills = new TreeMap<>();
  private int stops;
  private int scalings;

  @TempDir private Path directory;

  @Test
  void shouldPrintEachNormOnceAndInOrderWhateverHappens() throws Exception {
    try (NumberedFifo source = new NumberedFifo(directory.resolve("fifo"), SEED);
        PipelineProcess run =
            PipelineProcess.runPiped(
                directory,
                "--source=" + source.path(),
                "--rate=" + RATE,
                "--print=all",
                "--reciprocals=2",
                "--norms=2")) {
      PrintedNumbers printed = PrintedNumbers.of(source::norm, run.process().getInputStream());
      long[] frames = new long[1];
      disturb(run, () -> frames[0] = source.end());
      run.assertNothingLost(frames[0]);
      printed.assertComplete(frames[0]);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"npy", "txt"})
  void shouldWriteWhatAnUndisturbedRunWritesWhateverHappens(String suffix) throws Exception {
    Path file = Files.write(directory.resolve("frames"), Reference.frames(FILE_FRAMES, SEED));
    long frames = SECONDS * Long.parseLong(RATE);
    String[] source = {"--source=" + file, "--repeat", "--frames=" + frames};
    Path expected = directory.resolve("undisturbed." + suffix);
    try (PipelineProcess run =
        PipelineProcess.run(directory, with(source, "--results=" + expected))) {
      assertThat(run.process().waitFor(1, TimeUnit.HOURS)).isTrue();
      run.assertNothingLost(frames);
    }
    Path results = directory.resolve("disturbed." + suffix);
    try (PipelineProcess run =
        PipelineProcess.run(
            directory,
            with(
                source,
                "--results=" + results,
                "--rate=" + RATE,
                "--reciprocals=2",
                "--norms=2"))) {
      disturb(run, () -> {});
      run.assertNothingLost(frames);
    }
    assertThat(Files.mismatch(results, expected)).as("first byte that differs").isEqualTo(-1);
  }

  /** Lets things happen to a run for a while, and waits for its end in peace. */
  private void disturb(PipelineProcess run, Ending ending) throws Exception {
    startNanos = System.nanoTime();
    try (LedgerSampler ledger = LedgerSampler.of(run)) {
      run.awaitAcknowledged(1000);
      while (run.process().isAlive()
          && System.nanoTime() - startNanos < TimeUnit.SECONDS.toNanos(SECONDS)) {
        LockSupport.parkNanos(
            TimeUnit.MILLISECONDS.toNanos(random.nextInt(MIN_PAUSE_MILLIS, MAX_PAUSE_MILLIS)));
        doSomething(run);
        ledger.assertAlwaysAddedUp();
        assertThat(run.err()).as("who dies was killed").doesNotContainPattern("exit code (?!137)");
      }
      pending.forEach(CompletableFuture::join);
      scaleCommands.forEach(Process::destroy);
      ending.end();
      assertThat(run.process().waitFor(1, TimeUnit.HOURS)).isTrue();
      assertThat(run.process().exitValue()).as("exit code").isZero();
      ledger.assertAlwaysAddedUp();
      JsonNode report = run.report();
      long frames = report.get("framesRead").asLong();
      long redelivered = report.get("framesRedelivered").asLong();
      System.out.printf(
          Locale.ROOT,
          "chaos: seed %d, %d kills, %d stops, %d scalings survived (%s); %d frames, 0 lost, %d redelivered (%.3f %%), %d duplicates%n",
          SEED,
          kills.values().stream().mapToInt(Integer::intValue).sum(),
          stops,
          scalings,
          kills,
          frames,
          redelivered,
          100.0 * redelivered / frames,
          report.get("framesDuplicate").asLong());
      assertThat((double) redelivered / frames).isLessThanOrEqualTo(MAX_REDELIVERED);
    } catch (AssertionError | RuntimeException e) {
      throw new AssertionError(
          "seed %s%n%s%n%s".formatted(SEED, String.join(System.lineSeparator(), events), run.err()),
          e);
    }
  }

  /** Has a run's input end. */
  @FunctionalInterface
  private interface Ending {
    void end() throws Exception;
  }

  private static String[] with(String[] options, String... more) {
    return Stream.concat(Stream.of(options), Stream.of(more)).toArray(String[]::new);
  }

  private void doSomething(PipelineProcess run) throws IOException {
    Stage stage = random.nextBoolean() ? Stage.RECIPROCAL : Stage.NORM;
    int dice = random.nextInt(20);
    if (dice < 10) {
      kill(stage.label(), one(run.services(stage)));
    } else if (dice < 12) {
      kill("every " + stage.label(), run.services(stage));
    } else if (dice < 14) {
      kill("driver", run.processes("DriverService"));
    } else if (dice < 16) {
      Stage any = STAGES.get(random.nextInt(STAGES.size()));
      stop(any.label(), one(run.services(any)));
    } else if (dice < 17) {
      stop("driver", run.processes("DriverService"));
    } else {
      scale(run, stage, random.nextInt(1, MAX_INSTANCES + 1));
    }
  }

  /** The choice takes the same from the seed, however many there are at the moment. */
  private List<ProcessHandle> one(List<ProcessHandle> services) {
    int choice = random.nextInt(Integer.MAX_VALUE);
    return services.isEmpty() ? List.of() : List.of(services.get(choice % services.size()));
  }

  private void kill(String what, List<ProcessHandle> victims) {
    note("kill " + what, victims);
    kills.merge(what, victims.size(), Integer::sum);
    signal(victims, "KILL");
  }

  private void stop(String what, List<ProcessHandle> victims) {
    long millis = random.nextInt(MAX_STOP_MILLIS);
    note("stop for " + millis + " ms " + what, victims);
    stops += victims.size();
    signal(victims, "STOP");
    pending.add(
        CompletableFuture.runAsync(
            () -> signal(victims, "CONT"),
            CompletableFuture.delayedExecutor(millis, TimeUnit.MILLISECONDS)));
  }

  /** It waits for the stage to be as asked, which it may never be while others die. */
  private void scale(PipelineProcess run, Stage stage, int count) throws IOException {
    String to = stage.label() + "=" + count;
    note("scale " + to, List.of());
    scalings++;
    scaleCommands.add(PipelineProcess.startCommand("scale", "--dir=" + run.runDirectory(), to));
  }

  private void note(String event, List<ProcessHandle> processes) {
    events.add(
        String.format(
            Locale.ROOT,
            "%9.3f s  %s %s",
            Duration.ofNanos(System.nanoTime() - startNanos).toMillis() / 1e3,
            event,
            processes.stream().map(ProcessHandle::pid).toList()));
  }

  private static void signal(List<ProcessHandle> processes, String name) {
    List<ProcessHandle> alive = processes.stream().filter(ProcessHandle::isAlive).toList();
    if (!alive.isEmpty()) {
      PipelineProcess.signal(alive, name);
    }
  }
}
