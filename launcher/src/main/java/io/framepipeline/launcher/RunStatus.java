package io.framepipeline.launcher;

import io.framepipeline.common.metrics.Figure;
import io.framepipeline.common.metrics.FiguresDirectory;
import io.framepipeline.common.metrics.FiguresView;
import io.framepipeline.common.metrics.InstanceFigures;
import io.framepipeline.common.service.LocalRun;
import io.framepipeline.common.topology.Stage;
import io.framepipeline.common.transport.DriverFinder;
import io.framepipeline.console.PipelineState.OrphanState;
import io.framepipeline.console.PipelineState.SourceState;
import io.framepipeline.console.Totals;
import java.nio.file.Path;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/**
 * The state of a run at one moment, read from its files.
 *
 * @param instances those with a living process, leaving ones included
 * @param orphans dead readers from which none has taken over yet
 * @param ledger of the run so far, dead and ended instances included
 */
record RunStatus(
    String aeronDir,
    Driver driver,
    Map<Stage, StageStatus> stages,
    List<InstanceStatus> instances,
    List<OrphanState> orphans,
    Report ledger) {

  record Driver(long pid) {}

  /**
   * The state of an instance.
   *
   * @param frames that it has read, transformed or normed, depending on its stage
   * @param source null unless the instance reads from Kafka
   * @param metricsUrl null until it is known
   */
  record InstanceStatus(
      String stage,
      long pid,
      double uptimeSeconds,
      long frames,
      SourceState source,
      String metricsUrl) {
    static InstanceStatus of(InstanceFigures instance) {
      long startMillis = instance.stats().counter(Figure.START_EPOCH_MILLIS).get();
      long port = instance.stats().counter(Figure.METRICS_PORT).get();
      return new InstanceStatus(
          instance.stage().label(),
          instance.stats().counter(Figure.PID).get(),
          (System.currentTimeMillis() - startMillis) / 1e3,
          instance.frames(),
          SourceState.of(instance),
          port == 0 ? null : io.framepipeline.launcher.Instance.metricsUrl(port));
    }
  }

  /** Reads the state of a run. */
  static RunStatus read(Path runDirectory) {
    Path aeronDirectory = LocalRun.aeronDirectory(runDirectory);
    RunFile run = RunFile.read(runDirectory);
    FiguresView view = new FiguresDirectory(aeronDirectory).look();
    Map<Stage, StageStatus> stages = new EnumMap<>(Stage.class);
    run.wanted().forEach((stage, wanted) -> stages.put(stage, StageStatus.of(stage, wanted, view)));
    return new RunStatus(
        aeronDirectory.toString(),
        new Driver(DriverFinder.driverPid(aeronDirectory)),
        stages,
        view.instances().stream().filter(InstanceFigures::isAlive).map(InstanceStatus::of).toList(),
        OrphanState.of(view),
        Report.of(Totals.of(view), run.asked()));
  }

  /** The fields that programs may rely on. */
  JsonNode toJson() {
    ObjectNode json = JsonMapper.shared().valueToTree(this);
    json.remove("stages");
    return json;
  }
}
