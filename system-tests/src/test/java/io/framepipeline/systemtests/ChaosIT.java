package io.framepipeline.systemtests;

import static org.assertj.core.api.Assertions.assertThat;

import io.framepipeline.common.transport.Stage;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
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

  private final long startNanos = System.nanoTime();
  private int kills;
  private int stops;
  private int scalings;

  @TempDir private Path directory;

  @Test
  void shouldLoseNothingWhateverHappens() throws Exception {
    try (NumberedFifo source = new NumberedFifo(directory.resolve("fifo"), SEED);
        PipelineProcess run =
            PipelineProcess.runPiped(
                directory,
                "--source=" + source.path(),
                "--rate=" + RATE,
                "--print=all",
                "--reciprocals=2",
                "--norms=2");
        LedgerSampler ledger = LedgerSampler.of(run)) {
      PrintedNumbers printed = new PrintedNumbers(source, run.process().getInputStream());
      run.awaitAcknowledged(1000);
      try {
        while (System.nanoTime() - startNanos < TimeUnit.SECONDS.toNanos(SECONDS)) {
          LockSupport.parkNanos(
              TimeUnit.MILLISECONDS.toNanos(random.nextInt(MIN_PAUSE_MILLIS, MAX_PAUSE_MILLIS)));
          doSomething(run);
          ledger.assertAlwaysAddedUp();
          assertThat(run.err())
              .as("who dies was killed")
              .doesNotContainPattern("exit code (?!137)");
        }
        pending.forEach(CompletableFuture::join);
        scaleCommands.forEach(Process::destroy);
        long frames = source.end();
        assertThat(run.awaitExit()).as("exit code").isZero();
        ledger.assertAlwaysAddedUp();
        run.assertNothingLost(frames);
        printed.assertComplete(frames);
        JsonNode report = run.report();
        long redelivered = report.get("framesRedelivered").asLong();
        System.out.printf(
            Locale.ROOT,
            "chaos: seed %d, %d kills, %d stops, %d scalings survived; %d frames, 0 lost, %d"
                + " redelivered (%.3f %%), %d duplicates dropped, %d printed again%n",
            SEED,
            kills,
            stops,
            scalings,
            frames,
            redelivered,
            100.0 * redelivered / frames,
            report.get("framesDuplicate").asLong(),
            printed.repeats());
        assertThat((double) redelivered / frames).isLessThanOrEqualTo(MAX_REDELIVERED);
      } catch (AssertionError | RuntimeException e) {
        throw new AssertionError(
            "seed %s%n%s%n%s"
                .formatted(SEED, String.join(System.lineSeparator(), events), run.err()),
            e);
      }
    }
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
    kills += victims.size();
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
