package io.framepipeline.systemtests;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.framepipeline.common.metrics.StageStats;
import io.framepipeline.common.topology.Stage;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A frame that kills whoever takes it is given up, alone, and everything else gets through. */
@Timeout(value = 5, unit = TimeUnit.MINUTES)
class PoisonFrameIT {
  private static final int FRAMES = 3000;
  private static final int POISON = 1500;
  private static final int FRAME_LENGTH = 4096;

  @TempDir private Path directory;

  @Test
  void shouldAbandonAFrameThatKillsReciprocals() throws Exception {
    assertOnlyThePoisonIsAbandoned(Stage.RECIPROCAL, 3, Map.of("READER_MAX_DELIVERIES", "3"));
  }

  @Test
  void shouldAbandonAFrameThatKillsNormsAfterTheDefaultNumberOfDeliveries() throws Exception {
    assertOnlyThePoisonIsAbandoned(Stage.NORM, 5, Map.of());
  }

  private void assertOnlyThePoisonIsAbandoned(
      Stage stage, int deliveries, Map<String, String> settings) throws Exception {
    byte[] bytes = Reference.frames(FRAMES, 1);
    Path file = Files.write(directory.resolve("frames.bin"), bytes);
    Path abandoned = directory.resolve("abandoned");
    Map<String, String> environment =
        new FaultInjection(directory).poison(stage, POISON).environment(settings);
    environment.put("READER_ABANDONED_DIR", abandoned.toString());
    try (PipelineProcess run =
            PipelineProcess.run(
                directory, environment, "--source", file.toString(), "--print", "all");
        LedgerSampler ledger = LedgerSampler.of(run)) {
      StageStats reader = run.stats(Stage.READER);
      await().atMost(PipelineProcess.LIMIT).until(() -> reader.ledger.read().framesAbandoned() > 0);
      assertThat(run.awaitExit()).isEqualTo(1);
      ledger.assertAlwaysAddedUp();
      assertThat(run.err()).contains("0 frames lost, 1 abandoned");
      // A delivery to one that is dead already kills nobody.
      assertThat(run.err().split("died with exit code 137", -1).length - 1)
          .isBetween(1, deliveries);
      assertThat(run.report().get("framesRedelivered").asLong())
          .isGreaterThanOrEqualTo(deliveries - 1);
      assertThat(run.report().get("framesRead").asLong()).isEqualTo(FRAMES);
      assertThat(run.report().get("framesAcknowledged").asLong()).isEqualTo(FRAMES - 1);
      assertThat(run.report().get("framesAbandoned").asLong()).isEqualTo(1);
      assertThat(run.report().get("framesLost").asLong()).isZero();

      Reference.assertPrinted(run.out(), bytes, POISON);

      try (Stream<Path> files = Files.list(abandoned)) {
        List<Path> kept = files.toList();
        assertThat(kept).hasSize(1);
        assertThat(kept.getFirst().getFileName().toString()).endsWith("-" + POISON + ".frame");
        assertThat(kept.getFirst())
            .hasBinaryContent(
                Arrays.copyOfRange(bytes, POISON * FRAME_LENGTH, (POISON + 1) * FRAME_LENGTH));
      }
    }
  }
}
