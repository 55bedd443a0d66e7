package io.framepipeline.norm;

import io.framepipeline.common.frame.Frames;
import io.framepipeline.common.frame.Vectors;
import java.nio.ByteBuffer;
import org.agrona.DirectBuffer;
import org.agrona.concurrent.UnsafeBuffer;

/**
 * {@code float32[64][64] -> double}: the Frobenius norm, the square root of the sum of the squares
 * of all elements, for elements whose squares binary32 holds, as it does those of reciprocals.
 *
 * <p>The order of additions is fixed, so that the result has the same bits on every machine. Within
 * a column the squares of the even rows are added up in binary32, those of the odd rows likewise,
 * and then the two. The 64 sums are added in binary64. A square thus takes part in at most 33
 * roundings of binary32; none is negative, so the norm is within {@code 33 * 2^-24 / 2}, less than
 * the promised 1e-6, of the exact one.
 */
final class NormKernel {
  private static final Vectors VECTORS = practise();

  private final float[] columnSums = new float[Frames.SIDE];

  /** Reads 4096 little-endian floats at {@code offset} of an off-heap buffer. */
  double apply(DirectBuffer in, int offset) {
    if (VECTORS.areFaster()) {
      VectorColumnSums.compute(in.addressOffset() + offset, columnSums);
    } else {
      computeColumnSums(in, offset, columnSums);
    }
    return Math.sqrt(sum(columnSums));
  }

  /** What {@link VectorColumnSums} computes, without vectors. */
  static void computeColumnSums(DirectBuffer in, int offset, float[] sums) {
    int rowLength = Frames.SIDE * Float.BYTES;
    for (int column = 0; column < Frames.SIDE; column++) {
      float even = 0;
      float odd = 0;
      int at = offset + column * Float.BYTES;
      for (int row = 0; row < Frames.SIDE; row += 2) {
        float y0 = in.getFloat(at);
        float y1 = in.getFloat(at + rowLength);
        even += y0 * y0;
        odd += y1 * y1;
        at += 2 * rowLength;
      }
      sums[column] = even + odd;
    }
  }

  private static Vectors practise() {
    UnsafeBuffer in = new UnsafeBuffer(ByteBuffer.allocateDirect(Frames.FLOAT_PAYLOAD_LENGTH));
    float[] sums = new float[Frames.SIDE];
    return Vectors.practise(
        () -> computeColumnSums(in, 0, sums),
        () -> VectorColumnSums.compute(in.addressOffset(), sums));
  }

  private static double sum(float[] columnSums) {
    // Independent sums hide the latency of an addition.
    double sum0 = 0;
    double sum1 = 0;
    double sum2 = 0;
    double sum3 = 0;
    for (int column = 0; column < Frames.SIDE; column += 4) {
      sum0 += columnSums[column];
      sum1 += columnSums[column + 1];
      sum2 += columnSums[column + 2];
      sum3 += columnSums[column + 3];
    }
    return (sum0 + sum1) + (sum2 + sum3);
  }
}
