package io.framepipeline.launcher;

import static org.assertj.core.api.Assertions.assertThat;

import io.framepipeline.common.metrics.Buckets;
import io.framepipeline.common.metrics.Ledger;
import io.framepipeline.common.topology.Stage;
import io.framepipeline.console.Totals;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

class ReportTest {
  private static final Map<Stage, Integer> INSTANCES =
      Map.of(Stage.READER, 1, Stage.RECIPROCAL, 2, Stage.NORM, 3);

  @TempDir private Path directory;

  @Test
  void shouldComputeWhatIsLostInsteadOfAssumingIt() {
    Report report = Report.of(totals(new Ledger.Entry(100, 80, 3, 2, 10, 7), 1, 1), INSTANCES);
    assertThat(report.ledger().framesLost()).isEqualTo(5);
    assertThat(report.isComplete()).isFalse();
    assertThat(report.toString())
        .contains("read 100 = acknowledged 80 + in flight 3 + abandoned 2 + returned 10; lost 5");
  }

  @Test
  void shouldCountTheRateFromTheFirstFrameToTheLastAcknowledgement() {
    Report report =
        Report.of(totals(new Ledger.Entry(3000, 2900, 0, 0, 100, 0), 1, 2_000_000_001L), INSTANCES);
    assertThat(report.seconds()).isEqualTo(2.0);
    assertThat(report.framesPerSecond()).isEqualTo(1450.0);
    assertThat(report.bytesRead()).isEqualTo(3000 * 4096);
    assertThat(report.isComplete()).isTrue();
  }

  @Test
  void shouldReportZerosIfNothingWasRead() {
    Report report = Report.of(totals(Ledger.Entry.EMPTY, 0, 0), INSTANCES);
    assertThat(report.seconds()).isZero();
    assertThat(report.framesPerSecond()).isZero();
    assertThat(report.isComplete()).isTrue();
  }

  @Test
  void shouldWriteEveryKeyOfTheReport() throws Exception {
    Path file = directory.resolve("report.json");
    JsonFile.write(file, Report.of(totals(new Ledger.Entry(1, 1, 0, 0, 0, 0), 1, 2), INSTANCES));
    JsonNode json = JsonMapper.shared().readTree(file.toFile());
    assertThat(json.propertyNames())
        .containsExactlyInAnyOrder(
            "framesRead",
            "framesAcknowledged",
            "framesInFlight",
            "framesAbandoned",
            "framesReturned",
            "framesLost",
            "framesRedelivered",
            "framesNormed",
            "framesDuplicate",
            "bytesRead",
            "seconds",
            "framesPerSecond",
            "normMin",
            "normMean",
            "normMax",
            "latencyMicros",
            "instances");
    assertThat(json.get("latencyMicros").propertyNames())
        .containsExactlyInAnyOrder("p50", "p99", "p999", "max");
    assertThat(json.get("instances").get("norm").asInt()).isEqualTo(3);
  }

  private static Totals totals(Ledger.Entry ledger, long firstReadNanos, long lastCompletedNanos) {
    return new Totals(
        0,
        ledger,
        0,
        0,
        0,
        firstReadNanos,
        lastCompletedNanos,
        Buckets.noLatencies(),
        Buckets.noNorms());
  }
}
