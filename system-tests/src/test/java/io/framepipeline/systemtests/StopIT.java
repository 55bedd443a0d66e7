package io.framepipeline.systemtests;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.framepipeline.common.metrics.Figure;
import io.framepipeline.common.metrics.FiguresDirectory;
import io.framepipeline.common.metrics.StageStats;
import io.framepipeline.common.topology.Stage;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Objects;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Who ends a whole group of processes tells each of them, in any order, and perhaps twice. */
@Timeout(value = 3, unit = TimeUnit.MINUTES)
class StopIT {
  private static final String[] INSTANCES = {
    "--readers", "2", "--reciprocals", "2", "--norms", "2"
  };

  @TempDir private Path directory;

  /** As {@code systemctl stop} does. */
  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3})
  void shouldLoseNothingWhenEveryProcessIsToldToStop(long seed) throws Exception {
    try (PipelineProcess run = PipelineProcess.run(directory, INSTANCES)) {
      run.awaitAcknowledged(20_000);
      List<ProcessHandle> processes = new ArrayList<>(run.process().descendants().toList());
      assertThat(processes).hasSize(7);
      processes.add(run.process().toHandle());
      Collections.shuffle(processes, new Random(seed));

      PipelineProcess.signal(processes, "TERM");
      assertEndsWithoutLoss(run, processes);
    }
  }

  /** The command then finds that its readers have ended in order. */
  @Test
  void shouldLoseNothingWhenAllButTheCommandAreToldToStop() throws Exception {
    try (PipelineProcess run = PipelineProcess.run(directory, INSTANCES)) {
      run.awaitAcknowledged(20_000);
      List<ProcessHandle> processes = run.process().descendants().toList();

      PipelineProcess.signal(processes, "TERM");
      assertEndsWithoutLoss(run, processes);
    }
  }

  @Test
  void shouldLoseNothingWhenAReaderIsToldToStopTwice() throws Exception {
    try (PipelineProcess run = PipelineProcess.run(directory)) {
      run.awaitAcknowledged(20_000);
      List<ProcessHandle> processes = run.process().descendants().toList();
      ProcessHandle reader = run.services(Stage.READER).getFirst();

      PipelineProcess.signal(List.of(reader, reader), "TERM");
      assertEndsWithoutLoss(run, processes);
    }
  }

  /** The command tells a reader to leave no earlier than that. */
  @RepeatedTest(3)
  void shouldEndInOrderWhenAReaderIsToldAtTheMomentWhenItHasBegun() throws Exception {
    try (PipelineProcess run = PipelineProcess.run(directory)) {
      FiguresDirectory figures = new FiguresDirectory(run.aeronDirectory());
      StageStats reader =
          await()
              .atMost(PipelineProcess.LIMIT)
              .until(() -> figures.find("reader-1"), Objects::nonNull);
      List<ProcessHandle> processes = run.process().descendants().toList();
      long pid = reader.counter(Figure.PID).get();
      ProcessHandle process = ProcessHandle.of(pid).orElseThrow();
      while (reader.counter(Figure.METRICS_PORT).get() == 0) {
        Thread.sleep(1);
      }
      process.destroy();
      assertEndsWithoutLoss(run, processes);
      assertThat(run.err()).doesNotContain("died");
    }
  }

  private static void assertEndsWithoutLoss(PipelineProcess run, List<ProcessHandle> processes)
      throws InterruptedException {
    assertThat(run.awaitExit()).as(run.err()).isZero();
    run.assertNothingLost(run.report().get("framesRead").asLong());
    assertThat(run.isGone(processes)).isTrue();
  }
}
