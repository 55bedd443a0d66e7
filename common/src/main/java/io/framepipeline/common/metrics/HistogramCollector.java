package io.framepipeline.common.metrics;

import io.prometheus.metrics.model.registry.Collector;
import io.prometheus.metrics.model.snapshots.ClassicHistogramBuckets;
import io.prometheus.metrics.model.snapshots.HistogramSnapshot;
import io.prometheus.metrics.model.snapshots.HistogramSnapshot.HistogramDataPointSnapshot;
import io.prometheus.metrics.model.snapshots.Labels;
import io.prometheus.metrics.model.snapshots.MetricFamilyDescriptor;
import java.math.BigDecimal;
import java.math.MathContext;
import java.util.Arrays;

/**
 * Shows a {@link Histogram} to Prometheus. For figures that the hot path writes itself, Micrometer
 * has function counters and gauges, but no such histogram.
 */
final class HistogramCollector implements Collector {
  private static final MathContext FOUR_DIGITS = new MathContext(4);

  private final String name;
  private final String help;
  private final Labels labels;
  private final Histogram histogram;
  private final double[] upperBounds;
  private final int step;
  private final double unit;

  /**
   * @param step with step n, every n-th bound of the histogram becomes a bucket
   * @param unit the factor that turns a recorded value into the metric's unit
   */
  HistogramCollector(
      String name,
      String help,
      Labels labels,
      Histogram histogram,
      double[] upperBounds,
      int step,
      double unit) {
    this.name = name;
    this.help = help;
    this.labels = labels;
    this.histogram = histogram;
    this.upperBounds = upperBounds;
    this.step = step;
    this.unit = unit;
  }

  @Override
  public MetricFamilyDescriptor getMetricFamilyDescriptor() {
    return MetricFamilyDescriptor.histogram(name).help(help).build();
  }

  @Override
  public HistogramSnapshot collect() {
    Histogram.Snapshot snapshot = histogram.snapshot();
    long[] counts = snapshot.counts();
    int buckets = (upperBounds.length + step - 1) / step;
    double[] bounds = new double[buckets + 1];
    long[] perBucket = new long[buckets + 1];
    Arrays.setAll(
        bounds, i -> i < buckets ? round(upperBounds[i * step] * unit) : Double.POSITIVE_INFINITY);
    for (int i = 0; i < counts.length; i++) {
      perBucket[(i + step - 1) / step] += counts[i];
    }
    return HistogramSnapshot.builder()
        .name(name)
        .help(help)
        .dataPoint(
            HistogramDataPointSnapshot.builder()
                .labels(labels)
                .classicHistogramBuckets(ClassicHistogramBuckets.of(bounds, perBucket))
                .sum(snapshot.sum() * unit)
                .build())
        .build();
  }

  /** The bounds have two significant digits: 1.2e-6 must not be shown as 1.2000000000000002e-6. */
  private static double round(double bound) {
    return new BigDecimal(bound).round(FOUR_DIGITS).doubleValue();
  }
}
