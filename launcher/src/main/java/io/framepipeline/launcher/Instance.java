package io.framepipeline.launcher;

import io.framepipeline.common.metrics.Figure;
import io.framepipeline.common.metrics.Ledger;
import io.framepipeline.common.metrics.StageStats;
import io.framepipeline.common.service.LocalRun;
import io.framepipeline.common.topology.Stage;
import java.nio.file.Path;
import java.util.Optional;
import java.util.concurrent.TimeUnit;

/** A service's process and its figures, which are read from shared memory, also after its death. */
final class Instance {
  /** How many frames it had done at a moment. */
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

  /** Its figures; null until it has made them. */
  StageStats stats() {
    if (stats == null) {
      stats = StageStats.open(statsFile);
    }
    return stats;
  }

  /** Whether it is at work: connected to the driver and to the next stage. */
  boolean isReady() {
    return process.isAlive() && stats() != null && stats.counter(Figure.READY).get() == 1;
  }

  /** Whether it has said that it ended in order, as its last act. */
  boolean hasEnded() {
    return stats() != null && stats.counter(Figure.ENDED).get() == 1;
  }

  /** Where its metrics are; empty until it is known. */
  Optional<String> metricsUrl() {
    return stats() == null || stats.counter(Figure.METRICS_PORT).get() == 0
        ? Optional.empty()
        : Optional.of("http://127.0.0.1:" + stats.counter(Figure.METRICS_PORT).get() + "/metrics");
  }

  /** Where its metrics are, told once, as soon as it is known; empty before and after. */
  Optional<String> newMetricsUrl() {
    if (isMetricsUrlTold) {
      return Optional.empty();
    }
    Optional<String> url = metricsUrl();
    isMetricsUrlTold = url.isPresent();
    return url;
  }

  /** The frames that it has read, transformed or normed, according to its stage. */
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

  /** Notes how many frames there are; to be called once a second, for {@link #framesPerSecond}. */
  void sample() {
    sampleBefore = lastSample;
    lastSample = new Sample(System.nanoTime(), frames());
  }

  /** The rate since the sample before the last, so over at least the time between two samples. */
  double framesPerSecond() {
    return (double) TimeUnit.SECONDS.toNanos(1)
        * (frames() - sampleBefore.frames)
        / (System.nanoTime() - sampleBefore.nanos);
  }

  /**
   * Its ledger. What a dead reader had in flight counts as nothing any more, so it shows as lost.
   */
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
