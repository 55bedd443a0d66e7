package io.framepipeline.systemtests;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.framepipeline.common.metrics.Figure;
import io.framepipeline.common.topology.Stage;
import java.lang.ProcessBuilder.Redirect;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** An instance that joins while /dev/shm is full waits for room; nobody else suffers. */
@Timeout(value = 5, unit = TimeUnit.MINUTES)
class FullSharedMemoryIT {
  @TempDir private Path directory;

  /**
   * Without any room it cannot even have a file for its figures; with this much spared, it can, but
   * no log fits.
   */
  @ParameterizedTest
  @CsvSource({"NORM, 0", "NORM, 500000", "RECIPROCAL, 500000"})
  void shouldGoOnWithoutAnInstanceForWhichThereIsNoRoom(Stage stage, long spareBytes)
      throws Exception {
    SharedMemory sharedMemory = SharedMemory.ofItsOwn("64m");
    Surroundings.assume(
        sharedMemory.works(), "a full /dev/shm", "this user may not mount one of its own");
    try (PipelineProcess run =
            PipelineProcess.run(
                sharedMemory,
                directory,
                Redirect.from(Path.of("/dev/null").toFile()),
                Map.of("PIPELINE_CHANNEL", "aeron:ipc?term-length=256k"),
                "--rate",
                "2000",
                "--" + stage.label() + "s",
                "2");
        LedgerSampler ledger = LedgerSampler.of(run)) {
      run.awaitAcknowledged(2000);
      List<ProcessHandle> first = run.services(stage);
      assertThat(first).hasSize(2);
      try (Filler filler = new Filler(run.sharedMemory(), spareBytes)) {
        await().atMost(PipelineProcess.LIMIT).until(filler::isFull);
        PipelineProcess.signal(first.getFirst().pid(), "KILL");
        run.awaitFurtherAcknowledged(20_000);
        assertThat(framesDoneByOthers(run, stage, first)).isZero();
      }
      await()
          .atMost(PipelineProcess.LIMIT)
          .until(() -> framesDoneByOthers(run, stage, first) > 1000);
      run.assertDrains();
      ledger.assertAlwaysAddedUp();
    }
  }

  /** What instances did that were not there at first. */
  private static long framesDoneByOthers(
      PipelineProcess run, Stage stage, List<ProcessHandle> first) {
    return run.services(stage).stream()
        .filter(service -> !first.contains(service))
        .map(run::findStats)
        .filter(stats -> stats != null)
        .mapToLong(
            stats ->
                stats.counter(Figure.FRAMES_TRANSFORMED).get()
                    + stats.counter(Figure.FRAMES_NORMED).get())
        .sum();
  }
}
