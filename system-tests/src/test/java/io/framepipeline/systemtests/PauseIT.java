package io.framepipeline.systemtests;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.aeron.Aeron;
import io.framepipeline.common.metrics.Figure;
import io.framepipeline.common.metrics.StageStats;
import io.framepipeline.common.topology.Stage;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Processes that stand still for a while, as on a machine that swaps or is suspended. */
@Timeout(value = 5, unit = TimeUnit.MINUTES)
class PauseIT {
  private static final String RATE = "5000";
  private static final int PROGRESS = 10_000;

  @TempDir private Path directory;

  @ParameterizedTest
  @EnumSource
  void shouldComeBackAfterThePauseForWhichTheDriverEvictedIt(Stage stage) throws Exception {
    try (PipelineProcess run =
            PipelineProcess.run(directory, "--rate", RATE, "--" + stage.label() + "s", "2");
        LedgerSampler ledger = LedgerSampler.of(run)) {
      run.awaitAcknowledged(1000);
      ProcessHandle paused = run.services(stage).getFirst();
      StageStats figures = run.stats(paused);
      try (Aeron observer =
          Aeron.connect(new Aeron.Context().aeronDirectoryName(run.aeronDirectory().toString()))) {
        awaitInboxes(observer, stage, 2);
        PipelineProcess.signal(paused.pid(), "STOP");
        awaitInboxes(observer, stage, 1);
        PipelineProcess.signal(paused.pid(), "CONT");
        awaitInboxes(observer, stage, 2);
      }
      long before = framesDone(stage, figures);
      await()
          .atMost(PipelineProcess.LIMIT)
          .until(() -> framesDone(stage, figures) > before + PROGRESS);
      assertThat(paused.isAlive()).isTrue();
      run.assertDrains();
      ledger.assertAlwaysAddedUp();
    }
  }

  @Test
  void shouldLoseNothingWhenTheMediaDriverStandsStillUntilNothingMoves() throws Exception {
    try (PipelineProcess run = PipelineProcess.run(directory, "--rate", RATE);
        LedgerSampler ledger = LedgerSampler.of(run)) {
      run.awaitAcknowledged(1000);
      StageStats reader = run.stats(Stage.READER);
      ProcessHandle driver = run.processes("DriverService").getFirst();
      PipelineProcess.signal(driver.pid(), "STOP");
      AtomicLong previous = new AtomicLong();
      await()
          .atMost(PipelineProcess.LIMIT)
          .pollInterval(Duration.ofMillis(500))
          .until(
              () -> {
                long acknowledged = reader.ledger.read().framesAcknowledged();
                return previous.getAndSet(acknowledged) == acknowledged;
              });
      PipelineProcess.signal(driver.pid(), "CONT");
      assertEverythingIsDelivered(run, ledger);
    }
  }

  @Test
  void shouldLoseNothingWhenTheMediaDriverStandsStillUntilItIsGivenUp() throws Exception {
    try (PipelineProcess run = PipelineProcess.run(directory, "--rate", RATE);
        LedgerSampler ledger = LedgerSampler.of(run)) {
      run.awaitAcknowledged(1000);
      ProcessHandle driver = run.processes("DriverService").getFirst();
      PipelineProcess.signal(driver.pid(), "STOP");
      for (Stage stage : Stage.values()) {
        StageStats stats = run.stats(stage);
        await().atMost(PipelineProcess.LIMIT).until(() -> stats.counter(Figure.READY).get() == 0);
      }
      PipelineProcess.signal(driver.pid(), "CONT");
      assertEverythingIsDelivered(run, ledger);
    }
  }

  private static void assertEverythingIsDelivered(PipelineProcess run, LedgerSampler ledger)
      throws Exception {
    run.awaitFurtherAcknowledged(PROGRESS);
    run.assertDrains();
    ledger.assertAlwaysAddedUp();
  }

  private static long framesDone(Stage stage, StageStats figures) {
    if (stage.isFirst()) {
      return figures.ledger.read().framesAcknowledged();
    }
    return figures.counter(stage.isLast() ? Figure.FRAMES_NORMED : Figure.FRAMES_TRANSFORMED).get();
  }

  /** The driver frees an inbox's counter when it evicts the inbox's owner. */
  private static void awaitInboxes(Aeron observer, Stage stage, int count) {
    await()
        .atMost(PipelineProcess.LIMIT)
        .until(
            () -> {
              AtomicLong found = new AtomicLong();
              observer
                  .countersReader()
                  .forEach(
                      (counterId, label) -> {
                        if (label.startsWith("inbox " + stage.label() + " ")) {
                          found.incrementAndGet();
                        }
                      });
              return found.get() == count;
            });
  }
}
