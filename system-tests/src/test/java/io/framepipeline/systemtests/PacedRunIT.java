package io.framepipeline.systemtests;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.framepipeline.common.linux.PipelineCpu;
import io.framepipeline.common.topology.Stage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A pace that one CPU can hold. */
@Timeout(value = 5, unit = TimeUnit.MINUTES)
class PacedRunIT {
  private static final int LAST = PipelineCpu.usable().length() - 1;

  @TempDir private Path directory;

  @Test
  void shouldKeepDutyCyclesAndTheSourceToOneCpu() throws Exception {
    try (PipelineProcess run = PipelineProcess.run(directory, "--rate", "1000")) {
      awaitKeptThreads(run, Stage.READER, List.of("java", "source"));
      awaitKeptThreads(run, Stage.RECIPROCAL, List.of("java"));
      awaitKeptThreads(run, Stage.NORM, List.of("java"));

      run.awaitFurtherAcknowledged(1000);
      run.assertDrains();
    }
  }

  /** Where there is one CPU only, every thread is kept to it. */
  private static void awaitKeptThreads(PipelineProcess run, Stage stage, List<String> names) {
    await()
        .atMost(PipelineProcess.LIMIT)
        .untilAsserted(
            () ->
                assertThat(run.services(stage))
                    .first()
                    .satisfies(service -> assertThat(keptThreads(service)).containsAll(names)));
  }

  private static List<String> keptThreads(ProcessHandle service) throws IOException {
    Path threads = Path.of("/proc", Long.toString(service.pid()), "task");
    try (Stream<Path> paths = Files.list(threads)) {
      return paths.filter(PacedRunIT::isKept).map(PacedRunIT::name).toList();
    }
  }

  private static boolean isKept(Path thread) {
    return read(thread.resolve("status")).contains("Cpus_allowed_list:\t%s\n".formatted(LAST));
  }

  private static String name(Path thread) {
    return read(thread.resolve("comm")).strip();
  }

  /** What a thread that has ended tells is nothing. */
  private static String read(Path file) {
    try {
      return Files.readString(file);
    } catch (IOException e) {
      return "";
    }
  }
}
