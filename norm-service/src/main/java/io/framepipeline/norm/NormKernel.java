package io.framepipeline.norm;

import io.framepipeline.common.kernel.ScalarKernel;
import io.framepipeline.common.kernel.VectorWarmUp;
import io.framepipeline.common.wire.Frames;
import java.nio.ByteBuffer;
import org.agrona.DirectBuffer;
import org.agrona.concurrent.UnsafeBuffer;

/**
 * {@code float32[64][64] -> double}: the Frobenius norm, the square root of the sum of the squares
 * of all elements. Binary32 must be able to hold these squares, as it does for reciprocals.
 *
 * <p>The order of additions is fixed, so the result has the same bits on every machine. The
 * elements form 16 lanes: element i is in lane i mod 16. Each lane is added up in binary32. The
 * kernel takes the squares of 8 elements of a lane at a time, from two rows of the matrix, and adds
 * them pairwise. It adds these sums of 8 in turn to one of two sums, and at the end adds these two.
 * The 16 lanes are added in binary64.
 *
 * <p>A square thus takes part in at most 1 + 3 + 16 + 1 roundings of binary32, and none is
 * negative. So the norm is within {@code 21 * 2^-24 / 2} of the exact one, which is less than the
 * promised 1e-6.
 */
public final class NormKernel implements ScalarKernel {
  /** Floats in a cache line; no vector is longer. */
  static final int LANES = 16;

  /** Bytes from one element to the next in the same lane. */
  static final int LINE = LANES * Float.BYTES;

  /** Bytes of the elements whose squares are added pairwise. */
  static final int GROUP = 8 * LINE;

  private final VectorWarmUp warmUp = startWarmUp();

  private final float[] laneSums = new float[LANES];

  /** Reads 4096 little-endian floats at {@code inOffset} of an off-heap buffer. */
  @Override
  public double apply(DirectBuffer in, int inOffset) {
    if (warmUp.isVectorFast()) {
      VectorLaneSums.computeByVectors(in.addressOffset() + inOffset, laneSums);
    } else {
      computeLaneSums(in, inOffset, laneSums);
    }
    return Math.sqrt(sum(laneSums));
  }

  @Override
  public boolean isWarm() {
    return warmUp.isOver();
  }

  /** Computes the same as {@link VectorLaneSums}, without vectors. */
  static void computeLaneSums(DirectBuffer in, int offset, float[] sums) {
    for (int lane = 0; lane < LANES; lane++) {
      float sum = 0;
      float otherSum = 0;
      int end = offset + Frames.FLOAT_PAYLOAD_LENGTH;
      for (int at = offset + lane * Float.BYTES; at < end; at += 2 * GROUP) {
        sum += sumOfGroup(in, at);
        otherSum += sumOfGroup(in, at + GROUP);
      }
      sums[lane] = sum + otherSum;
    }
  }

  private static float sumOfGroup(DirectBuffer in, int at) {
    return ((square(in, at) + square(in, at + LINE))
            + (square(in, at + 2 * LINE) + square(in, at + 3 * LINE)))
        + ((square(in, at + 4 * LINE) + square(in, at + 5 * LINE))
            + (square(in, at + 6 * LINE) + square(in, at + 7 * LINE)));
  }

  private static float square(DirectBuffer in, int at) {
    float y = in.getFloat(at);
    return y * y;
  }

  private static VectorWarmUp startWarmUp() {
    UnsafeBuffer in = new UnsafeBuffer(ByteBuffer.allocateDirect(Frames.FLOAT_PAYLOAD_LENGTH));
    float[] sums = new float[LANES];
    return VectorWarmUp.start(() -> VectorLaneSums.computeByVectors(in.addressOffset(), sums));
  }

  private static double sum(float[] laneSums) {
    // Independent sums hide the latency of an addition.
    double sum0 = 0;
    double sum1 = 0;
    double sum2 = 0;
    double sum3 = 0;
    for (int lane = 0; lane < LANES; lane += 4) {
      sum0 += laneSums[lane];
      sum1 += laneSums[lane + 1];
      sum2 += laneSums[lane + 2];
      sum3 += laneSums[lane + 3];
    }
    return (sum0 + sum1) + (sum2 + sum3);
  }
}
