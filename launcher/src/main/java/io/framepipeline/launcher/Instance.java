package io.framepipeline.launcher;

import io.framepipeline.common.linux.Autogroup;
import io.framepipeline.common.metrics.Figure;
import io.framepipeline.common.metrics.FiguresDirectory;
import io.framepipeline.common.metrics.StageStats;
import java.util.Optional;
import java.util.concurrent.TimeUnit;

/** A service's process, and what its figures say about its life. */
final class Instance {
  /**
   * Three times a start. On a machine that others keep busy, a tenth of the weight takes longer.
   */
  private static final long LOW_WEIGHT_LIMIT_NANOS = TimeUnit.SECONDS.toNanos(5);

  private final String name;
  private final Process process;
  private final FiguresDirectory figures;
  private final long startNanos = System.nanoTime();
  private StageStats stats;
  private boolean isMetricsUrlTold;
  private boolean hasLowWeight;

  /**
   * A process that has just been started.
   *
   * @param name the one under which it keeps its figures
   * @param hasLowWeight whether it was started by {@link Autogroup#lowWeightCommand()}
   */
  Instance(String name, Process process, FiguresDirectory figures, boolean hasLowWeight) {
    this.name = name;
    this.process = process;
    this.figures = figures;
    this.hasLowWeight = hasLowWeight;
  }

  Process process() {
    return process;
  }

  long uptimeNanos() {
    return System.nanoTime() - startNanos;
  }

  /** Whether the process has got as far as to make its figures. */
  boolean hasFigures() {
    return stats() != null;
  }

  /** When the first frame was read; 0 before, and for stages that do not read. */
  long firstReadNanos() {
    return figure(Figure.FIRST_READ_NANOS);
  }

  /** Whether the instance is at work: frames can reach it and go on. */
  boolean isReady() {
    return process.isAlive() && figure(Figure.READY) == 1;
  }

  /** Whether the instance has noted, as its last act, that it ended in order. */
  boolean hasEnded() {
    return figure(Figure.ENDED) == 1;
  }

  /**
   * Whether it is a reader that was killed before it ended, and has left frames that another one
   * takes over.
   */
  boolean isOrphan() {
    return !process.isAlive() && !hasEnded() && figure(Figure.READER) != 0;
  }

  /** Whether its metrics are there, and so what handles a signal. */
  boolean hasBegun() {
    return figure(Figure.METRICS_PORT) != 0;
  }

  /** Gives it the normal weight once it is at work or late. Call it again and again. */
  void restoreWeight() {
    boolean isLate = uptimeNanos() > LOW_WEIGHT_LIMIT_NANOS;
    if (hasLowWeight && process.isAlive() && (isLate || isReady())) {
      hasLowWeight = !Autogroup.restoreWeight(process.pid());
    }
  }

  /** The URL of its metrics, returned once, as soon as it is known; empty before and after. */
  Optional<String> newMetricsUrl() {
    long port = isMetricsUrlTold ? 0 : figure(Figure.METRICS_PORT);
    isMetricsUrlTold |= port != 0;
    return port == 0 ? Optional.empty() : Optional.of(metricsUrl(port));
  }

  static String metricsUrl(long port) {
    return "http://127.0.0.1:" + port + "/metrics";
  }

  private long figure(Figure figure) {
    return stats() == null ? 0 : stats.counter(figure).get();
  }

  private StageStats stats() {
    if (stats == null) {
      stats = figures.find(name);
    }
    return stats;
  }
}
