package io.framepipeline.launcher;

import io.framepipeline.common.metrics.Figure;
import io.framepipeline.common.metrics.Ledger;
import io.framepipeline.common.metrics.StageStats;
import io.framepipeline.common.service.LocalRun;
import io.framepipeline.common.topology.Stage;
import java.nio.file.Path;
import java.util.Optional;
import java.util.concurrent.TimeUnit;

/**
 * A service's process and its figures. The figures are read from shared memory, even after its
 * death.
 */
final class Instance {
  /** The frame count at one moment. */
  private record Sample(long nanos, long frames) {}

  private final Stage stage;
  private final Process process;
  private final Path statsFile;
  private final long startNanos = System.nanoTime();
  private StageStats stats;
  private boolean isMetricsUrlTold;
  private Sample lastSample = new Sample(startNanos, 0);
  private Sample sampleBefore = lastSample;

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

  /** Its figures; null until the process has made them. */
  StageStats stats() {
    if (stats == null) {
      stats = StageStats.open(statsFile);
    }
    return stats;
  }

  /** Whether the instance is at work: connected to the driver and to the next stage. */
  boolean isReady() {
    return process.isAlive() && stats() != null && stats.counter(Figure.READY).get() == 1;
  }

  /** Whether the instance has noted, as its last act, that it ended in order. */
  boolean hasEnded() {
    return stats() != null && stats.counter(Figure.ENDED).get() == 1;
  }

  /** The URL of its metrics; empty until it is known. */
  Optional<String> metricsUrl() {
    return stats() == null || stats.counter(Figure.METRICS_PORT).get() == 0
        ? Optional.empty()
        : Optional.of("http://127.0.0.1:" + stats.counter(Figure.METRICS_PORT).get() + "/metrics");
  }

  /** The URL of its metrics, returned once, as soon as it is known; empty before and after. */
  Optional<String> newMetricsUrl() {
    if (isMetricsUrlTold) {
      return Optional.empty();
    }
    Optional<String> url = metricsUrl();
    isMetricsUrlTold = url.isPresent();
    return url;
  }

  /** The frames that the instance has read, transformed or normed, depending on its stage. */
  long frames() {
    if (stats() == null) {
      return 0;
    }
    if (stage.isFirst()) {
      return stats.ledger.read().framesRead();
    }
    return stage.isLast()
        ? stats.counter(Figure.FRAMES_NORMED).get()
        : stats.counter(Figure.FRAMES_TRANSFORMED).get();
  }

  /** Notes the frame count for {@link #framesPerSecond}. Call it once a second. */
  void sample() {
    sampleBefore = lastSample;
    lastSample = new Sample(System.nanoTime(), frames());
  }

  /** The rate since the last sample but one, so over at least the time between two samples. */
  double framesPerSecond() {
    return (double) TimeUnit.SECONDS.toNanos(1)
        * (frames() - sampleBefore.frames)
        / (System.nanoTime() - sampleBefore.nanos);
  }

  /** Its ledger. For a dead reader nothing counts as in flight, so those frames show as lost. */
  Ledger.Entry ledger() {
    if (!stage.isFirst() || stats() == null) {
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
