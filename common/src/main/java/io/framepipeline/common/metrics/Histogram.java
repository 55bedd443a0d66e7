package io.framepipeline.common.metrics;

import java.util.Arrays;
import org.agrona.BitUtil;
import org.agrona.concurrent.AtomicBuffer;

/**
 * Counts of values in buckets with fixed upper bounds, in a buffer that other threads or processes
 * may read. One thread records values. Recording takes no lock and allocates nothing.
 *
 * <p>Layout: minimum, maximum and sum as doubles, then one int64 for each bucket; the last bucket
 * is for values above every bound.
 */
public final class Histogram {
  private static final int MIN_OFFSET = 0;
  private static final int MAX_OFFSET = MIN_OFFSET + BitUtil.SIZE_OF_DOUBLE;
  private static final int SUM_OFFSET = MAX_OFFSET + BitUtil.SIZE_OF_DOUBLE;
  private static final int COUNTS_OFFSET = SUM_OFFSET + BitUtil.SIZE_OF_DOUBLE;

  private final double[] upperBounds;
  private final AtomicBuffer buffer;
  private final int offset;

  /**
   * @param upperBounds ascending; a value belongs to the first bucket whose bound it does not
   *     exceed
   * @param buffer zeros, or a histogram with the same bounds
   */
  Histogram(double[] upperBounds, AtomicBuffer buffer, int offset) {
    this.upperBounds = upperBounds;
    this.buffer = buffer;
    this.offset = offset;
  }

  /** Bytes that a histogram with these bounds takes. */
  static int length(double[] upperBounds) {
    return COUNTS_OFFSET + (upperBounds.length + 1) * BitUtil.SIZE_OF_LONG;
  }

  /** Counts a positive value; only the one writing thread may call this. */
  public void record(double value) {
    record(value, 1);
  }

  /** Counts a positive value this many times; only the one writing thread may call this. */
  public void record(double value, int times) {
    int found = Arrays.binarySearch(upperBounds, value);
    int index = countOffset(found >= 0 ? found : -found - 1);

    // Zero means that nothing is recorded yet.
    double min = read(MIN_OFFSET);
    if (value < min || min == 0.0) {
      write(MIN_OFFSET, value);
    }
    if (value > read(MAX_OFFSET)) {
      write(MAX_OFFSET, value);
    }
    write(SUM_OFFSET, read(SUM_OFFSET) + times * value);
    buffer.putLongRelease(index, buffer.getLong(index) + times);
  }

  /** Adds the values of another histogram; only the one writing thread may call this. */
  void add(Snapshot other) {
    Snapshot sum = snapshot().plus(other);
    for (int i = 0; i < sum.counts.length; i++) {
      buffer.putLong(countOffset(i), sum.counts[i]);
    }
    write(SUM_OFFSET, sum.sum);
    write(MIN_OFFSET, sum.min);
    write(MAX_OFFSET, sum.max);
  }

  /** A copy of what is recorded now. */
  public Snapshot snapshot() {
    long[] counts = new long[upperBounds.length + 1];
    for (int i = 0; i < counts.length; i++) {
      counts[i] = buffer.getLongVolatile(countOffset(i));
    }
    return new Snapshot(upperBounds, counts, read(SUM_OFFSET), read(MIN_OFFSET), read(MAX_OFFSET));
  }

  private int countOffset(int bucket) {
    return offset + COUNTS_OFFSET + bucket * BitUtil.SIZE_OF_LONG;
  }

  private double read(int field) {
    return Double.longBitsToDouble(buffer.getLongVolatile(offset + field));
  }

  private void write(int field, double value) {
    buffer.putLongRelease(offset + field, Double.doubleToRawLongBits(value));
  }

  /** What a histogram held at one moment. Snapshots with the same bounds can be added. */
  public static final class Snapshot {
    private final double[] upperBounds;
    private final long[] counts;
    private final double sum;
    private final double min;
    private final double max;

    private Snapshot(double[] upperBounds, long[] counts, double sum, double min, double max) {
      this.upperBounds = upperBounds;
      this.counts = counts;
      this.sum = sum;
      this.min = min;
      this.max = max;
    }

    /** No values. */
    static Snapshot empty(double[] upperBounds) {
      return new Snapshot(upperBounds, new long[upperBounds.length + 1], 0, 0, 0);
    }

    /** The values of both. */
    public Snapshot plus(Snapshot other) {
      long[] total = counts.clone();
      Arrays.setAll(total, i -> counts[i] + other.counts[i]);
      double smaller =
          min == 0.0 || other.min == 0.0 ? Math.max(min, other.min) : Math.min(min, other.min);
      return new Snapshot(upperBounds, total, sum + other.sum, smaller, Math.max(max, other.max));
    }

    /**
     * What was recorded since {@code earlier}. Minimum and maximum remain those of the whole time.
     */
    public Snapshot minus(Snapshot earlier) {
      long[] difference = counts.clone();
      Arrays.setAll(difference, i -> counts[i] - earlier.counts[i]);
      return new Snapshot(upperBounds, difference, sum - earlier.sum, min, max);
    }

    /** The number of values. */
    public long count() {
      return Arrays.stream(counts).sum();
    }

    /** The smallest value, 0 if there is none. */
    public double min() {
      return min;
    }

    /** The largest value, 0 if there is none. */
    public double max() {
      return max;
    }

    /** The mean, 0 if there is no value. */
    public double mean() {
      long count = count();
      return count == 0 ? 0 : sum / count;
    }

    /** The sum of all values. */
    public double sum() {
      return sum;
    }

    /** The upper bound of each bucket but the last. */
    public double[] upperBounds() {
      return upperBounds.clone();
    }

    /** The count of each bucket; the last one is for values above every bound. */
    public long[] counts() {
      return counts.clone();
    }

    /**
     * An estimate of a quantile, accurate to the width of one bucket. Interpolates linearly, as
     * Prometheus does.
     *
     * @param q from 0 to 1
     */
    public double quantile(double q) {
      long count = count();
      if (count == 0) {
        return 0;
      }
      double rank = q * count;
      long below = 0;
      int bucket = 0;
      while (bucket < counts.length - 1 && below + counts[bucket] < rank) {
        below += counts[bucket++];
      }
      if (bucket == upperBounds.length) {
        return max;
      }
      double lower = bucket == 0 ? 0 : upperBounds[bucket - 1];
      double share = counts[bucket] == 0 ? 0 : (rank - below) / counts[bucket];
      double value = lower + (upperBounds[bucket] - lower) * share;
      return Math.clamp(value, min, Math.max(min, max));
    }
  }
}
