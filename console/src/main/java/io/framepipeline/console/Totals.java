package io.framepipeline.console;

import io.framepipeline.common.metrics.Buckets;
import io.framepipeline.common.metrics.Figure;
import io.framepipeline.common.metrics.FiguresView;
import io.framepipeline.common.metrics.Histogram;
import io.framepipeline.common.metrics.InstanceFigures;
import io.framepipeline.common.metrics.Ledger;
import io.framepipeline.common.metrics.StageStats;

/**
 * The figures of all instances of a pipeline at one moment, ended instances included.
 *
 * @param nanos {@link System#nanoTime} of that moment
 * @param windowFrames that the living readers may have in flight
 * @param firstReadNanos when the first frame was read; 0 if none was
 * @param lastCompletedNanos when the last frame was completed; 0 if none was
 */
public record Totals(
    long nanos,
    Ledger.Entry ledger,
    long framesNormed,
    long framesDuplicate,
    long windowFrames,
    long firstReadNanos,
    long lastCompletedNanos,
    Histogram.Snapshot latencyNanos,
    Histogram.Snapshot norms) {

  /** The totals of everything in a view. */
  public static Totals of(FiguresView view) {
    Totals totals = none(System.nanoTime());
    for (StageStats sum : view.sums().values()) {
      totals = totals.plus(sum, sum.ledger.read(), 0);
    }
    for (InstanceFigures instance : view.instances()) {
      totals =
          totals.plus(
              instance.stats(),
              instance.ledger(),
              instance.isAlive() ? instance.stats().counter(Figure.WINDOW_FRAMES).get() : 0);
    }
    return totals;
  }

  private static Totals none(long nowNanos) {
    return new Totals(
        nowNanos, Ledger.Entry.EMPTY, 0, 0, 0, 0, 0, Buckets.noLatencies(), Buckets.noNorms());
  }

  private Totals plus(StageStats stats, Ledger.Entry entry, long window) {
    return new Totals(
        nanos,
        ledger.plus(entry),
        framesNormed + stats.counter(Figure.FRAMES_NORMED).get(),
        framesDuplicate + stats.counter(Figure.FRAMES_DUPLICATE).get(),
        windowFrames + window,
        earlier(firstReadNanos, stats.counter(Figure.FIRST_READ_NANOS).get()),
        Math.max(lastCompletedNanos, stats.counter(Figure.LAST_COMPLETED_NANOS).get()),
        latencyNanos.plus(stats.latencyNanos.snapshot()),
        norms.plus(stats.norms.snapshot()));
  }

  private static long earlier(long known, long candidate) {
    return known == 0 || candidate == 0 ? Math.max(known, candidate) : Math.min(known, candidate);
  }
}
