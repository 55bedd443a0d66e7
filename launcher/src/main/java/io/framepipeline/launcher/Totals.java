package io.framepipeline.launcher;

import io.framepipeline.common.metrics.Buckets;
import io.framepipeline.common.metrics.Figure;
import io.framepipeline.common.metrics.Histogram;
import io.framepipeline.common.metrics.Ledger;
import io.framepipeline.common.metrics.StageStats;
import java.util.List;

/**
 * The figures of all instances of a run at one moment, dead instances included.
 *
 * @param firstReadNanos when the first frame was read; 0 if none was
 * @param lastCompletedNanos when the last frame was completed; 0 if none was
 */
record Totals(
    long nanos,
    Ledger.Entry ledger,
    long framesNormed,
    long framesDuplicate,
    long firstReadNanos,
    long lastCompletedNanos,
    Histogram.Snapshot latencyNanos,
    Histogram.Snapshot norms) {

  static Totals of(List<Instance> instances) {
    Ledger.Entry ledger = Ledger.Entry.EMPTY;
    long normed = 0;
    long duplicate = 0;
    long lastAck = 0;
    Histogram.Snapshot latency = Buckets.noLatencies();
    Histogram.Snapshot norms = Buckets.noNorms();
    for (Instance instance : instances) {
      StageStats stats = instance.stats();
      if (stats == null) {
        continue;
      }
      ledger = ledger.plus(instance.ledger());
      if (instance.stage().isFirst()) {
        lastAck = Math.max(lastAck, stats.counter(Figure.LAST_COMPLETED_NANOS).get());
        duplicate += stats.counter(Figure.FRAMES_DUPLICATE).get();
      } else if (instance.stage().isLast()) {
        normed += stats.counter(Figure.FRAMES_NORMED).get();
        latency = latency.plus(stats.latencyNanos.snapshot());
        norms = norms.plus(stats.norms.snapshot());
      }
    }
    return new Totals(
        System.nanoTime(),
        ledger,
        normed,
        duplicate,
        firstReadNanos(instances),
        lastAck,
        latency,
        norms);
  }

  /** When the first frame of a run was read; 0 if none was. */
  static long firstReadNanos(List<Instance> instances) {
    long firstRead = 0;
    for (Instance instance : instances) {
      if (instance.stage().isFirst() && instance.stats() != null) {
        firstRead = earlier(firstRead, instance.stats().counter(Figure.FIRST_READ_NANOS).get());
      }
    }
    return firstRead;
  }

  private static long earlier(long known, long candidate) {
    if (candidate == 0) {
      return known;
    }
    return known == 0 ? candidate : Math.min(known, candidate);
  }
}
