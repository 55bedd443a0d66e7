package io.framepipeline.launcher;

import static org.assertj.core.api.Assertions.assertThat;

import io.framepipeline.common.metrics.Figure;
import io.framepipeline.common.metrics.FiguresDirectory;
import io.framepipeline.common.metrics.StageStats;
import io.framepipeline.common.service.LocalRun;
import io.framepipeline.common.topology.Stage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

class RunStatusTest {
  @TempDir private Path directory;

  private FiguresDirectory figures;

  @BeforeEach
  void openFigures() {
    figures = new FiguresDirectory(LocalRun.aeronDirectory(directory));
  }

  @Test
  void shouldShowProgramsNoMoreThanTheyMayRelyOn() throws IOException {
    StageStats reader = figures.create(Stage.READER, "reader-1");
    reader.ledger.write(123, 107, 16, 0, 0, 0);
    reader.counter(Figure.READER).set(1);
    reader.counter(Figure.METRICS_PORT).set(9400);
    run(1, 1, 1);
    JsonNode json = RunStatus.read(directory).toJson();
    assertThat(json.propertyNames())
        .containsExactlyInAnyOrder("aeronDir", "driver", "instances", "orphans", "ledger");
    assertThat(json.get("instances")).hasSize(1);
    JsonNode instance = json.get("instances").get(0);
    assertThat(instance.propertyNames())
        .containsExactlyInAnyOrder(
            "stage", "pid", "uptimeSeconds", "frames", "source", "metricsUrl");
    assertThat(instance.get("source").isNull()).isTrue();
    assertThat(instance.get("metricsUrl").asString()).isEqualTo("http://127.0.0.1:9400/metrics");
    assertThat(json.get("orphans")).isEmpty();
    assertThat(json.get("ledger").get("framesInFlight").asLong()).isEqualTo(16);
  }

  @Test
  void shouldShowADeadReaderFromWhichNoneHasTakenOver() throws IOException {
    StageStats reader = figures.create(Stage.READER, "reader-1");
    reader.ledger.write(123, 107, 16, 0, 0, 0);
    reader.counter(Figure.READER).set(3);
    Path file =
        FiguresDirectory.path(LocalRun.aeronDirectory(directory)).resolve("reader-1.figures");
    byte[] content = Files.readAllBytes(file);
    Files.delete(file);
    // No process has locked the new one.
    Files.write(file, content);
    run(1, 1, 1);
    JsonNode orphan = RunStatus.read(directory).toJson().at("/orphans/0");
    assertThat(orphan.propertyNames()).containsExactlyInAnyOrder("reader", "framesInFlight");
    assertThat(orphan.get("reader").asLong()).isEqualTo(2);
    assertThat(orphan.get("framesInFlight").asLong()).isEqualTo(16);
  }

  @Test
  void shouldShowWhatAReaderHasOfAKafkaSource() throws IOException {
    StageStats reader = figures.create(Stage.READER, "reader-1");
    reader.counter(Figure.IS_REREAD).set(1);
    reader.counter(Figure.SOURCE_PARTITIONS).set(12);
    reader.counter(Figure.SOURCE_LAG_RECORDS).set(34);
    run(1, 1, 1);
    JsonNode source = RunStatus.read(directory).toJson().at("/instances/0/source");
    assertThat(source.propertyNames()).containsExactly("partitions", "lagRecords");
    assertThat(source.get("partitions").asLong()).isEqualTo(12);
    assertThat(source.get("lagRecords").asLong()).isEqualTo(34);
  }

  @Test
  void shouldCountInstancesByState() throws IOException {
    StageStats first = figures.create(Stage.RECIPROCAL, "reciprocal-1");
    run(1, 2, 1);
    assertThat(status(Stage.RECIPROCAL)).isEqualTo(new StageStatus(0, 2, 0));
    first.counter(Figure.READY).set(1);
    figures.create(Stage.RECIPROCAL, "reciprocal-2").counter(Figure.READY).set(1);
    assertThat(status(Stage.RECIPROCAL)).isEqualTo(new StageStatus(2, 0, 0));
    assertThat(status(Stage.RECIPROCAL).isSettled()).isTrue();

    run(1, 1, 1);
    assertThat(status(Stage.RECIPROCAL)).isEqualTo(new StageStatus(1, 0, 1));
    first.counter(Figure.STOPPING).set(1);
    assertThat(status(Stage.RECIPROCAL)).isEqualTo(new StageStatus(1, 0, 1));
  }

  private StageStatus status(Stage stage) {
    return RunStatus.read(directory).stages().get(stage);
  }

  private void run(int readers, int reciprocals, int norms) throws IOException {
    Map<Stage, Integer> counts =
        Map.of(Stage.READER, readers, Stage.RECIPROCAL, reciprocals, Stage.NORM, norms);
    new RunFile(counts, counts).write(directory);
  }
}
