package io.framepipeline.systemtests;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.github.dockerjava.api.command.InspectContainerResponse.ContainerState;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;

/** A file of the host through the containers, norm by norm. */
@Timeout(value = 5, unit = TimeUnit.MINUTES)
class ComposeFileIT {
  private static final int FRAMES = 5000;

  @TempDir private Path input;

  @Test
  void shouldPrintTheNormOfEveryFrameOfAMountedFile() throws Exception {
    ComposeStack.assumeEngine();
    byte[] bytes = Reference.frames(FRAMES, 7);
    Files.write(input.resolve("frames.bin"), bytes);
    // The containers' user is somebody else.
    Files.setPosixFilePermissions(input, PosixFilePermissions.fromString("rwxr-xr-x"));

    try (ComposeStack stack =
        ComposeStack.start(
            Map.of(
                "INPUT_DIR", input.toString(),
                "READER_SOURCE", "/input/frames.bin",
                "RECIPROCAL_REPLICAS", "2",
                "READER_RESULTS", "-"))) {
      await().atMost(ComposeStack.LIMIT).until(() -> "exited".equals(reader(stack).getStatus()));
      assertThat(reader(stack).getExitCodeLong()).isZero();

      List<String> norms =
          stack
              .compose("logs", "--no-log-prefix", "reader-service")
              .lines()
              .filter(line -> line.matches("\\d+ \\d+ \\S+"))
              .toList();
      Reference.assertPrinted(norms, bytes);
    }
  }

  /** Also that which could be a volume's name. */
  @ParameterizedTest
  @CsvSource({"data, data", "./data, data", "../data, ../data", "/data, /data", "'', input"})
  void shouldMountTheDirectoryThatIsNamed(String name, String expected) throws Exception {
    ComposeStack.assumeEngine();
    JsonNode mounts =
        ComposeStack.config(Map.of("INPUT_DIR", name)).at("/services/reader-service/volumes");
    assertThat(mounts)
        .filteredOn(mount -> mount.get("target").asString().equals("/input"))
        .singleElement()
        .satisfies(
            mount -> {
              assertThat(mount.get("type").asString()).isEqualTo("bind");
              assertThat(Path.of(mount.get("source").asString()))
                  .isEqualTo(ComposeStack.HOME.resolve(expected).normalize());
            });
  }

  private static ContainerState reader(ComposeStack stack) throws Exception {
    return stack.inspect("reader-service").getFirst().getState();
  }
}
