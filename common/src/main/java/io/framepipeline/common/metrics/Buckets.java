package io.framepipeline.common.metrics;

import java.util.stream.DoubleStream;
import java.util.stream.IntStream;

/** The bucket bounds of the two histograms. */
public final class Buckets {
  /** Two significant digits, evenly spaced on a logarithmic scale: the E24 series of IEC 60063. */
  private static final double[] E24 = {
    1.0, 1.1, 1.2, 1.3, 1.5, 1.6, 1.8, 2.0, 2.2, 2.4, 2.7, 3.0, 3.3, 3.6, 3.9, 4.3, 4.7, 5.1, 5.6,
    6.2, 6.8, 7.5, 8.2, 9.1
  };

  private static final double[] DECADES_NANOS = {1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9};

  /** Latencies in nanoseconds, 1 µs to 10 s, 24 bounds a decade: quantiles within 5 %. */
  static final double[] LATENCY_NANOS =
      IntStream.rangeClosed(0, DECADES_NANOS.length * E24.length)
          .mapToDouble(
              i ->
                  i == DECADES_NANOS.length * E24.length
                      ? 1e10
                      : Math.rint(DECADES_NANOS[i / E24.length] * E24[i % E24.length]))
          .toArray();

  /** Of {@link #LATENCY_NANOS}, every second bound is exported: the E12 series. */
  static final int LATENCY_EXPORT_STEP = 2;

  /**
   * Norms. All bytes 255 give 0.25, all bytes 0 give 64. Uniform random bytes give 5.108 with a
   * standard deviation of 0.40; around that value the bounds are a tenth apart.
   */
  static final double[] NORM =
      DoubleStream.concat(
              DoubleStream.of(0.25, 0.5, 1, 1.5, 2, 2.5, 3),
              DoubleStream.concat(
                  IntStream.rangeClosed(35, 70).mapToDouble(tenths -> tenths / 10.0),
                  DoubleStream.of(8, 10, 12, 16, 24, 32, 48, 64)))
          .toArray();

  private Buckets() {}

  /** A latency histogram without values, to which others are added. */
  public static Histogram.Snapshot noLatencies() {
    return Histogram.Snapshot.empty(LATENCY_NANOS);
  }

  /** A histogram of norms without values, to which others are added. */
  public static Histogram.Snapshot noNorms() {
    return Histogram.Snapshot.empty(NORM);
  }
}
