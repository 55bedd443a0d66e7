package io.framepipeline.launcher;

import io.framepipeline.common.metrics.Ledger;
import io.framepipeline.common.metrics.StageStats;
import io.framepipeline.common.service.LocalRun;
import io.framepipeline.common.transport.Stage;
import java.nio.file.Path;
import java.util.Optional;

/** A service's process and its figures, which are read from shared memory, also after its death. */
final class Instance {
  private final Stage stage;
  private final Process process;
  private final Path statsFile;
  private final long startNanos = System.nanoTime();
  private StageStats stats;
  private boolean isMetricsUrlTold;

  Instance(Stage stage, Process process, Path runDirectory) {
    this.stage = stage;
    this.process = process;
    this.statsFile = LocalRun.statsFile(runDirectory, stage, process.pid());
  }

  Stage stage() {
    return stage;
  }

  Process process() {
    return process;
  }

  long uptimeNanos() {
    return System.nanoTime() - startNanos;
  }

  /** Its figures; null until it has made them. */
  StageStats stats() {
    if (stats == null) {
      stats = StageStats.open(statsFile);
    }
    return stats;
  }

  /** Where its metrics are, told once, as soon as it is known; empty before and after. */
  Optional<String> newMetricsUrl() {
    if (isMetricsUrlTold || stats() == null || stats.metricsPort.get() == 0) {
      return Optional.empty();
    }
    isMetricsUrlTold = true;
    return Optional.of("http://127.0.0.1:" + stats.metricsPort.get() + "/metrics");
  }

  /**
   * Its ledger. What a dead reader had in flight counts as nothing any more, so it shows as lost.
   */
  Ledger.Entry ledger() {
    if (stage != Stage.READER || stats() == null) {
      return Ledger.Entry.EMPTY;
    }
    Ledger.Entry entry = stats.ledger.read();
    return process.isAlive()
        ? entry
        : new Ledger.Entry(
            entry.framesRead(),
            entry.framesAcknowledged(),
            0,
            entry.framesAbandoned(),
            entry.framesRedelivered());
  }
}
