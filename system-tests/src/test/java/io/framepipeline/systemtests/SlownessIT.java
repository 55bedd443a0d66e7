package io.framepipeline.systemtests;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertAll;

import io.framepipeline.common.metrics.Figure;
import io.framepipeline.common.metrics.StageStats;
import io.framepipeline.common.topology.Stage;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Slowness and lost answers: neither may starve, repeat or hold up more than it must. */
@Timeout(value = 5, unit = TimeUnit.MINUTES)
class SlownessIT {
  /** What a stage at 100 frames a second takes 20 s for; more for a soak test. */
  private static final long SLOW_FRAMES = Long.getLong("slow.frames", 2000);

  private static final long MICROS_PER_SECOND = TimeUnit.SECONDS.toMicros(1);

  @TempDir private Path directory;

  @ParameterizedTest
  @CsvSource({"NORM, 1", "NORM, 2", "RECIPROCAL, 1"})
  void shouldGiveASlowInstanceAsMuchAsItCanDo(Stage stage, int senders) throws Exception {
    long fastMicros = 500;
    long slowMicros = 5000;
    FaultInjection faults = new FaultInjection(directory).slow(stage, fastMicros);
    try (PipelineProcess run =
            PipelineProcess.run(
                directory,
                faults.environment(Map.of()),
                "--" + stage.label() + "s",
                "2",
                "--" + senderOf(stage).label() + "s",
                Integer.toString(senders));
        LedgerSampler ledger = LedgerSampler.of(run)) {
      StageStats senderStats = run.stats(senderOf(stage));
      await()
          .atMost(PipelineProcess.LIMIT)
          .until(() -> senderStats.counter(Figure.DOWNSTREAM_INSTANCES).get() == 2);
      ProcessHandle slow = run.services(stage).getFirst();
      ProcessHandle fast = run.services(stage).getLast();
      faults.slow(slow.pid(), slowMicros);
      // More than a window, so that what was sent in equal shares before is done.
      run.awaitFurtherAcknowledged(5000);

      StageStats slowStats = run.stats(slow);
      StageStats fastStats = run.stats(fast);
      long slowBefore = framesDone(slowStats);
      long fastBefore = framesDone(fastStats);
      long startNanos = System.nanoTime();
      run.awaitFurtherAcknowledged(12_000);
      double bySlow = framesDone(slowStats) - slowBefore;
      double byFast = framesDone(fastStats) - fastBefore;
      double micros = TimeUnit.NANOSECONDS.toMicros(System.nanoTime() - startNanos);

      double capacity = micros / slowMicros + micros / fastMicros;
      assertAll(
          () ->
              assertThat(bySlow / byFast).as("slow to fast instance").isBetween(1.0 / 30, 1.0 / 5),
          () ->
              assertThat((bySlow + byFast) / capacity)
                  .as("share of what both can do")
                  .isGreaterThan(0.6));

      faults.slow(slow.pid(), 0).slow(stage, 0);
      run.assertDrains();
      ledger.assertAlwaysAddedUp();
      assertThat(run.report().get("framesRedelivered").asLong()).isZero();
    }
  }

  @Test
  @Timeout(value = 1, unit = TimeUnit.HOURS)
  void shouldRepeatNothingWhenTheNormStageIsSlow() throws Exception {
    FaultInjection faults = new FaultInjection(directory).slow(Stage.NORM, MICROS_PER_SECOND / 100);
    try (PipelineProcess run = PipelineProcess.run(directory, faults.environment(Map.of()));
        LedgerSampler ledger = LedgerSampler.of(run)) {
      StageStats reader = run.stats(Stage.READER);
      await()
          .atMost(PipelineProcess.LIMIT)
          .until(
              () ->
                  reader.ledger.read().framesInFlight()
                      == reader.counter(Figure.WINDOW_FRAMES).get());
      for (long frames = 0; frames < SLOW_FRAMES; frames += 500) {
        run.awaitFurtherAcknowledged(500);
        assertThat(reader.ledger.read().framesRedelivered()).isZero();
      }
      faults.slow(Stage.NORM, 0);
      run.assertDrains();
      ledger.assertAlwaysAddedUp();
      assertThat(run.report().get("framesRedelivered").asLong()).isZero();
    }
  }

  @Test
  void shouldRepeatAboutAsManyFramesAsAnswersAreLost() throws Exception {
    int frames = 2000;
    int every = 100;
    int lostAnswers = frames / every;
    FaultInjection faults = new FaultInjection(directory).loseAnswersOnce(every);
    try (PipelineProcess run =
            PipelineProcess.run(
                directory, faults.environment(Map.of()), "--frames", Integer.toString(frames));
        LedgerSampler ledger = LedgerSampler.of(run)) {
      assertThat(run.awaitExit()).isZero();
      ledger.assertAlwaysAddedUp();
      run.assertNothingLost(frames);
      long redelivered = run.report().get("framesRedelivered").asLong();
      assertThat(redelivered).isBetween((long) lostAnswers, 3L * lostAnswers);
      assertThat(run.report().get("framesNormed").asLong()).isEqualTo(frames + redelivered);
      assertThat(run.report().get("framesDuplicate").asLong()).isEqualTo(redelivered - lostAnswers);
    }
  }

  private static Stage senderOf(Stage stage) {
    return stage.upstream().getLast();
  }

  private static long framesDone(StageStats stats) {
    return stats.counter(Figure.FRAMES_TRANSFORMED).get()
        + stats.counter(Figure.FRAMES_NORMED).get();
  }
}
