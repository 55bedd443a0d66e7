package io.framepipeline.launcher;

import io.framepipeline.common.service.LocalRun;
import io.framepipeline.common.topology.Stage;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/**
 * The state of a run at one moment.
 *
 * @param instances those with a living process, leaving ones included
 * @param ledger of the run so far, dead and ended instances included
 */
record RunStatus(
    String aeronDir,
    Driver driver,
    Map<Stage, StageStatus> stages,
    List<InstanceStatus> instances,
    Report ledger) {

  record Driver(long pid) {}

  /**
   * The state of an instance.
   *
   * @param frames that it has read, transformed or normed, depending on its stage
   * @param metricsUrl null until it is known
   * @param framesPerSecond over the last second or two
   * @param framesInFlight of a reader; 0 for other stages
   */
  record InstanceStatus(
      String stage,
      long pid,
      double uptimeSeconds,
      long frames,
      String metricsUrl,
      double framesPerSecond,
      long framesInFlight) {
    static InstanceStatus of(Instance instance) {
      return new InstanceStatus(
          instance.stage().label(),
          instance.process().pid(),
          instance.uptimeNanos() / (double) TimeUnit.SECONDS.toNanos(1),
          instance.frames(),
          instance.metricsUrl().orElse(null),
          instance.framesPerSecond(),
          instance.ledger().framesInFlight());
    }

    @Override
    public String toString() {
      return String.format(
          Locale.ROOT,
          "  pid %-8d up %,.0f s  %,.0f frames/s%s",
          pid,
          uptimeSeconds,
          framesPerSecond,
          stage.equals(Stage.first().label())
              ? String.format(Locale.ROOT, "  in flight %,d", framesInFlight)
              : "");
    }
  }

  static RunStatus of(Path runDirectory, Supervisor supervisor) {
    return new RunStatus(
        LocalRun.aeronDirectory(runDirectory).toString(),
        new Driver(supervisor.driverPid()),
        supervisor.stageStatus(),
        supervisor.runningInstances().stream().map(InstanceStatus::of).toList(),
        Report.of(Totals.of(supervisor.allInstances()), supervisor.asked()));
  }

  /** The fields that programs may rely on. The other fields are for the commands. */
  JsonNode toJson() {
    ObjectNode json = JsonMapper.shared().valueToTree(this);
    json.remove("stages");
    for (JsonNode instance : json.get("instances")) {
      ((ObjectNode) instance).remove(List.of("framesPerSecond", "framesInFlight"));
    }
    return json;
  }

  /** The instances by stage and the ledger, for people. */
  @Override
  public String toString() {
    StringBuilder text = new StringBuilder();
    text.append("media driver: pid %s in %s%n".formatted(driver.pid(), aeronDir));
    stages.forEach(
        (stage, status) -> {
          text.append(stage.label()).append(": ").append(status).append('\n');
          instances.stream()
              .filter(instance -> instance.stage().equals(stage.label()))
              .forEach(instance -> text.append(instance).append('\n'));
        });
    return text.append(ledger).toString();
  }
}
