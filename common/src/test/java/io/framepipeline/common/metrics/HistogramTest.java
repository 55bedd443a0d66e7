package io.framepipeline.common.metrics;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.agrona.BufferUtil;
import org.agrona.concurrent.UnsafeBuffer;
import org.assertj.core.data.Percentage;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class HistogramTest {
  private static final double[] SMALL = {1, 2, 5, 10};
  private static final double[] QUANTILES = {0, 0.01, 0.5, 0.9, 0.99, 0.999, 1};

  static Stream<double[]> bounds() {
    return Stream.of(SMALL, Buckets.LATENCY_NANOS, Buckets.NORM);
  }

  @ParameterizedTest
  @MethodSource("bounds")
  void shouldHaveAscendingBounds(double[] bounds) {
    for (int i = 1; i < bounds.length; i++) {
      assertThat(bounds[i]).as("bound %d", i).isGreaterThan(bounds[i - 1]);
    }
  }

  @Test
  void shouldSpanWhatThePipelineCanYield() {
    assertThat(Buckets.NORM).startsWith(0.25).endsWith(64);
    assertThat(Buckets.LATENCY_NANOS).startsWith(1e3).endsWith(1e10);
    // What is exported is every second bound; the ends are to be among them.
    assertThat((Buckets.LATENCY_NANOS.length - 1) % Buckets.LATENCY_EXPORT_STEP).isZero();
  }

  @Test
  void shouldPutAValueOnABoundIntoTheBucketBelow() {
    Histogram histogram = newHistogram(SMALL);
    for (double value : new double[] {0.5, 1, 1.5, 2, 5, 5.1, 10, 10.1, 1e9}) {
      histogram.record(value);
    }

    assertThat(histogram.snapshot().counts()).containsExactly(2, 2, 1, 2, 2);
  }

  @Test
  void shouldBeZeroWithoutValues() {
    for (Histogram.Snapshot none :
        List.of(newHistogram(SMALL).snapshot(), Histogram.Snapshot.empty(SMALL))) {
      assertThat(none.count()).isZero();
      assertThat(none.min()).isZero();
      assertThat(none.max()).isZero();
      assertThat(none.mean()).isZero();
      assertThat(none.quantile(0.5)).isZero();
    }
  }

  @ParameterizedTest
  @MethodSource("bounds")
  void shouldAgreeWithAPlainListOfTheValues(double[] bounds) {
    for (int seed = 0; seed < 200; seed++) {
      Random random = new Random(seed);
      Histogram histogram = newHistogram(bounds);
      List<Double> model = new ArrayList<>();
      for (int i = random.nextInt(300); i >= 0; i--) {
        double value = value(random, bounds);
        histogram.record(value);
        model.add(value);
      }

      assertAgree("seed " + seed, histogram.snapshot(), model, bounds);
    }
  }

  @ParameterizedTest
  @MethodSource("bounds")
  void shouldAddAndSubtractLikeTheListsOfTheValues(double[] bounds) {
    for (int seed = 0; seed < 200; seed++) {
      Random random = new Random(seed);
      Histogram first = newHistogram(bounds);
      Histogram second = newHistogram(bounds);
      List<Double> all = new ArrayList<>();
      for (int i = random.nextInt(100); i > 0; i--) {
        double value = value(random, bounds);
        (random.nextBoolean() ? first : second).record(value);
        all.add(value);
      }
      if (!all.isEmpty()) {
        Histogram.Snapshot sum =
            Histogram.Snapshot.empty(bounds).plus(first.snapshot()).plus(second.snapshot());
        assertAgree("seed " + seed, sum, all, bounds);
      }

      Histogram.Snapshot earlier = first.snapshot();
      double sumSince = 0;
      long[] countsSince = new long[bounds.length + 1];
      for (int i = 0; i < 20; i++) {
        double value = value(random, bounds);
        first.record(value);
        sumSince += value;
        countsSince[bucket(bounds, value)]++;
      }
      Histogram.Snapshot since = first.snapshot().minus(earlier);
      assertThat(since.count()).isEqualTo(20);
      assertThat(since.counts()).containsExactly(countsSince);
      assertThat(since.mean()).isCloseTo(sumSince / 20, Percentage.withPercentage(1e-3));
      assertThat(since.min()).isEqualTo(first.snapshot().min());
      assertThat(since.max()).isEqualTo(first.snapshot().max());
    }
  }

  @Test
  void shouldKeepASnapshotAsItWas() {
    Histogram histogram = newHistogram(SMALL);
    histogram.record(1.5);
    Histogram.Snapshot before = histogram.snapshot();
    histogram.record(9);

    assertThat(before.count()).isEqualTo(1);
    assertThat(before.max()).isEqualTo(1.5);
  }

  @Test
  void shouldEstimateTheLatenciesOfAFastPipelineWithinATenth() {
    Histogram histogram = newHistogram(Buckets.LATENCY_NANOS);
    // One value far away on either side, lest minimum and maximum give the answer.
    histogram.record(1_000);
    for (int i = 0; i < 10_000; i++) {
      histogram.record(20_000 + i % 200 - 100);
    }
    histogram.record(5e9);

    assertThat(histogram.snapshot().quantile(0.5)).isCloseTo(20_000, Percentage.withPercentage(10));
    assertThat(histogram.snapshot().quantile(0.99))
        .isCloseTo(20_000, Percentage.withPercentage(10));
  }

  @Test
  void shouldNotTouchItsNeighboursInTheBuffer() {
    int length = Histogram.length(SMALL);
    UnsafeBuffer buffer = new UnsafeBuffer(BufferUtil.allocateDirectAligned(length + 128, 64));
    buffer.setMemory(0, 64, (byte) 0x55);
    buffer.setMemory(64 + length, 64, (byte) 0x55);
    Histogram histogram = new Histogram(SMALL, buffer, 64);
    for (double value : new double[] {0.001, 1, 3, 1e300}) {
      histogram.record(value);
    }

    for (int i = 0; i < 64; i++) {
      assertThat(buffer.getByte(i)).isEqualTo((byte) 0x55);
      assertThat(buffer.getByte(64 + length + i)).isEqualTo((byte) 0x55);
    }
  }

  private static void assertAgree(
      String description, Histogram.Snapshot snapshot, List<Double> model, double[] bounds) {
    List<Double> sorted = new ArrayList<>(model);
    Collections.sort(sorted);
    double sum = sorted.stream().mapToDouble(Double::doubleValue).sum();
    assertThat(snapshot.count()).as(description).isEqualTo(sorted.size());
    assertThat(snapshot.min()).as(description).isEqualTo(sorted.getFirst());
    assertThat(snapshot.max()).as(description).isEqualTo(sorted.getLast());
    assertThat(snapshot.sum()).as(description).isCloseTo(sum, within(sum * 1e-12));
    assertThat(snapshot.mean()).as(description).isCloseTo(sum / sorted.size(), within(sum * 1e-12));
    for (double q : QUANTILES) {
      int rank = Math.max(1, (int) Math.ceil(q * sorted.size()));
      int bucket = bucket(bounds, sorted.get(rank - 1));
      double lower = bucket == 0 ? 0 : bounds[bucket - 1];
      double upper = bucket == bounds.length ? sorted.getLast() : bounds[bucket];
      assertThat(snapshot.quantile(q))
          .as("%s, quantile %s", description, q)
          .isBetween(Math.max(q == 0 ? 0 : lower, sorted.getFirst()), upper)
          .isLessThanOrEqualTo(sorted.getLast());
    }
  }

  private static int bucket(double[] bounds, double value) {
    int bucket = 0;
    while (bucket < bounds.length && value > bounds[bucket]) {
      bucket++;
    }
    return bucket;
  }

  /** Spread evenly over the decades, some on a bound, some beyond either end. */
  private static double value(Random random, double[] bounds) {
    if (random.nextInt(4) == 0) {
      return bounds[random.nextInt(bounds.length)];
    }
    double first = Math.log(bounds[0] / 2);
    double last = Math.log(bounds[bounds.length - 1] * 2);
    return Math.exp(first + (last - first) * random.nextDouble());
  }

  private static Histogram newHistogram(double[] bounds) {
    return new Histogram(
        bounds,
        new UnsafeBuffer(BufferUtil.allocateDirectAligned(Histogram.length(bounds), 64)),
        0);
  }
}
