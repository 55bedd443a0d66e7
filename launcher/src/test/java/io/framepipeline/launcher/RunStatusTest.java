package io.framepipeline.launcher;

import static org.assertj.core.api.Assertions.assertThat;

import io.framepipeline.common.metrics.Buckets;
import io.framepipeline.common.metrics.Ledger;
import io.framepipeline.common.topology.Stage;
import io.framepipeline.launcher.RunStatus.Driver;
import io.framepipeline.launcher.RunStatus.InstanceStatus;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

class RunStatusTest {
  private final RunStatus status =
      new RunStatus(
          "/dev/shm/frame-pipeline-1/aeron",
          new Driver(2),
          new EnumMap<>(
              Map.of(
                  Stage.READER, new StageStatus(1, 0, 0),
                  Stage.RECIPROCAL, new StageStatus(0, 2, 1),
                  Stage.NORM, new StageStatus(0, 1, 0))),
          List.of(
              new InstanceStatus("reader", 3, 12.4, 123, "http://127.0.0.1:1/metrics", 20_000, 16),
              new InstanceStatus("reciprocal", 4, 0.1, 0, null, 0, 0)),
          Report.of(
              new Totals(
                  0,
                  new Ledger.Entry(123, 107, 16, 0, 0),
                  107,
                  0,
                  1,
                  2,
                  Buckets.noLatencies(),
                  Buckets.noNorms()),
              Map.of(Stage.READER, 1, Stage.RECIPROCAL, 2, Stage.NORM, 1)));

  @Test
  void shouldShowProgramsNoMoreThanTheyMayRelyOn() {
    JsonNode json = status.toJson();
    assertThat(json.propertyNames())
        .containsExactlyInAnyOrder("aeronDir", "driver", "instances", "ledger");
    assertThat(json.get("instances"))
        .hasSize(2)
        .allSatisfy(
            instance ->
                assertThat(instance.propertyNames())
                    .containsExactlyInAnyOrder(
                        "stage", "pid", "uptimeSeconds", "frames", "metricsUrl"));
    assertThat(json.get("ledger").get("framesInFlight").asLong()).isEqualTo(16);
  }

  @Test
  void shouldShowPeopleEachStageWithItsInstances() {
    assertThat(status.toString().lines())
        .startsWith(
            "media driver: pid 2 in /dev/shm/frame-pipeline-1/aeron",
            "reader: 1 running",
            "  pid 3        up 12 s  20,000 frames/s  in flight 16",
            "reciprocal: 0 running, 2 starting, 1 leaving",
            "  pid 4        up 0 s  0 frames/s",
            "norm: 0 running, 1 starting")
        .anyMatch(line -> line.startsWith("ledger: read 123 = acknowledged 107 + in flight 16"));
  }

  @Test
  void shouldBeTheSameAfterItsWayThroughTheSocket() {
    JsonMapper json = JsonMapper.shared();
    assertThat(json.readValue(json.writeValueAsString(status), RunStatus.class)).isEqualTo(status);
  }
}
