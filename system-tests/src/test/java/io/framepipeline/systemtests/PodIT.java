package io.framepipeline.systemtests;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.framepipeline.common.config.ExitCode;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.extension.TestExecutionExceptionHandler;
import org.junit.jupiter.api.io.TempDir;

/** The manifest of a cell, run as a pod. */
@Timeout(value = 5, unit = TimeUnit.MINUTES)
class PodIT {
  private static final int RATE = 5000;

  @TempDir private Path directory;
  private Pod pod;

  /** What the containers said, which is gone with them. */
  @RegisterExtension
  final TestExecutionExceptionHandler logs =
      (context, failure) -> {
        if (pod != null) {
          for (String container : pod.containers()) {
            System.err.println(container + ":\n" + pod.logs(container));
          }
        }
        throw failure;
      };

  @AfterEach
  void close() throws Exception {
    if (pod != null) {
      pod.close();
    }
  }

  @Test
  void shouldLoseNothingWhateverIsKilledAndDrainAtTheEnd() throws Exception {
    Pod.assumeThere();
    pod =
        Pod.start(
            directory,
            List.of("second-reciprocal"),
            Map.of(
                "READER_SOURCE", "/dev/urandom",
                "READER_RESULTS", "",
                "READER_RATE", Integer.toString(RATE)));
    awaitProbes();
    for (String victim : List.of("norm", "reciprocal-2", "media-driver")) {
      awaitFurtherAcknowledged();
      pod.kill(victim);
      await()
          .atMost(ComposeStack.LIMIT)
          .untilAsserted(() -> assertThat(pod.state(victim).restarts()).isEqualTo(1));
    }
    awaitFurtherAcknowledged();
    awaitProbes();

    pod.stop();
    for (String container : pod.containers()) {
      assertThat(pod.state(container).exitCode())
          .as(container)
          .isEqualTo(container.equals("reader") ? ExitCode.STOPPED : ExitCode.OK);
    }
    assertThat(pod.logs("reader").lines())
        .filteredOn(line -> line.contains("ledger: "))
        .last()
        .asString()
        .containsPattern("read=(\\d+) acknowledged=\\1 inFlight=0 abandoned=0");
  }

  private void awaitProbes() {
    await()
        .atMost(ComposeStack.LIMIT)
        .untilAsserted(
            () -> {
              for (String container : pod.containers()) {
                assertThat(pod.isProbed(container, "startupProbe")).as(container).isTrue();
                assertThat(pod.isProbed(container, "livenessProbe")).as(container).isTrue();
                if (!container.equals("media-driver")) {
                  assertThat(pod.isProbed(container, "readinessProbe")).as(container).isTrue();
                }
              }
            });
  }

  private void awaitFurtherAcknowledged() throws Exception {
    String acknowledged = "pipeline_frames_acknowledged_total";
    long before = pod.metric("reader", acknowledged);
    await()
        .atMost(ComposeStack.LIMIT)
        .until(() -> pod.metric("reader", acknowledged) >= before + 2 * RATE);
  }
}
