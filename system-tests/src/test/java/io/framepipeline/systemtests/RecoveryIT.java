package io.framepipeline.systemtests;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.aeron.Aeron;
import io.framepipeline.common.topology.Stage;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * How soon frames flow again after a death, and that nobody is taken for dead who is not. The times
 * are printed, not asserted: they are the machine's as much as the pipeline's.
 */
@Timeout(value = 5, unit = TimeUnit.MINUTES)
class RecoveryIT {
  /** Frames that show what the rate is; several windows. */
  private static final long SAMPLE_FRAMES = 50_000;

  @TempDir private Path directory;

  @ParameterizedTest
  @CsvSource({"RECIPROCAL, 2", "NORM, 2", "RECIPROCAL, 1", "NORM, 1"})
  void shouldGoOnLongBeforeTheDriverNoticesADeath(Stage stage, int instances) throws Exception {
    try (PipelineProcess run =
        PipelineProcess.run(directory, "--reciprocals=" + instances, "--norms=" + instances)) {
      // By then everything is compiled.
      run.awaitAcknowledged(4 * SAMPLE_FRAMES);
      try (Aeron observer = observe(run);
          AcknowledgedRate rate = new AcknowledgedRate(run)) {
        run.awaitFurtherAcknowledged(SAMPLE_FRAMES);
        ProcessHandle victim = run.services(stage).getFirst();
        String inbox = "inbox " + stage.label() + " .*instance=" + victim.pid() + "\\b.*";
        assertThat(labels(observer)).anyMatch(label -> label.matches(inbox));

        rate.mark();
        PipelineProcess.signal(victim.pid(), "KILL");
        // More than a window: the dead one's frames, which hold up the rest, are made good.
        run.awaitFurtherAcknowledged(SAMPLE_FRAMES);
        assertThat(labels(observer))
            .as("the driver still takes the dead for alive")
            .anyMatch(label -> label.matches(inbox));
        run.awaitFurtherAcknowledged(SAMPLE_FRAMES);
        System.out.printf(
            Locale.ROOT, "recovery: one of %d %s killed: %s%n", instances, stage.label(), rate);
      }
      run.assertDrains();
    }
  }

  @Test
  void shouldGoOnWithAnotherDriver() throws Exception {
    try (PipelineProcess run = PipelineProcess.run(directory)) {
      run.awaitAcknowledged(4 * SAMPLE_FRAMES);
      try (AcknowledgedRate rate = new AcknowledgedRate(run)) {
        run.awaitFurtherAcknowledged(SAMPLE_FRAMES);
        ProcessHandle driver = run.processes("DriverService").getFirst();
        rate.mark();
        PipelineProcess.signal(driver.pid(), "KILL");
        await().atMost(PipelineProcess.LIMIT).until(() -> !driver.isAlive());
        run.awaitFurtherAcknowledged(2 * SAMPLE_FRAMES);
        System.out.printf(Locale.ROOT, "recovery: the driver killed: %s%n", rate);
      }
      run.assertDrains();
    }
  }

  @Test
  void shouldEvictNobodyWhileOthersKeepEveryCoreBusy() throws Exception {
    List<Process> busy = new ArrayList<>();
    try (PipelineProcess run = PipelineProcess.run(directory, "--reciprocals=2", "--norms=2")) {
      run.awaitAcknowledged(SAMPLE_FRAMES);
      for (int i = 0; i < 2 * Runtime.getRuntime().availableProcessors(); i++) {
        busy.add(spin());
      }
      long startNanos = System.nanoTime();
      // Twice as long as the driver waits for a client, and for so many frames at least.
      await()
          .atMost(PipelineProcess.LIMIT)
          .until(() -> System.nanoTime() - startNanos > TimeUnit.SECONDS.toNanos(10));
      run.awaitFurtherAcknowledged(SAMPLE_FRAMES);
      busy.forEach(Process::destroyForcibly);
      run.assertDrains();
      assertThat(run.report().get("framesRedelivered").asLong()).isZero();
      assertThat(run.err()).doesNotContain("died").doesNotContain("lost the media driver");
    } finally {
      busy.forEach(Process::destroyForcibly);
    }
  }

  private static Process spin() throws IOException {
    return new ProcessBuilder("sh", "-c", "while :; do :; done").start();
  }

  private static Aeron observe(PipelineProcess run) {
    return Aeron.connect(new Aeron.Context().aeronDirectoryName(run.aeronDirectory().toString()));
  }

  private static List<String> labels(Aeron observer) {
    List<String> labels = new ArrayList<>();
    observer.countersReader().forEach((counterId, label) -> labels.add(label));
    return labels;
  }
}
