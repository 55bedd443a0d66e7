package io.framepipeline.norm;

import io.framepipeline.common.frame.Frames;
import org.agrona.DirectBuffer;

/**
 * {@code float32[64][64] -> double}: the Frobenius norm, the square root of the sum of the squares
 * of all elements. The order of the elements does not matter to it.
 *
 * <p>A float's square is exact as a double, so only the 4096 additions round: the result is within
 * 4096 x 2^-53 of the exact one, far inside the promised 1e-6.
 */
final class NormKernel {
  private NormKernel() {}

  /** Reads 4096 little-endian floats at {@code offset}. */
  static double apply(DirectBuffer in, int offset) {
    // Independent sums hide the latency of an addition.
    double sum0 = 0;
    double sum1 = 0;
    double sum2 = 0;
    double sum3 = 0;
    double sum4 = 0;
    double sum5 = 0;
    double sum6 = 0;
    double sum7 = 0;
    for (int at = offset, end = offset + Frames.FLOAT_PAYLOAD_LENGTH; at < end; at += 32) {
      double y0 = in.getFloat(at);
      double y1 = in.getFloat(at + 4);
      double y2 = in.getFloat(at + 8);
      double y3 = in.getFloat(at + 12);
      double y4 = in.getFloat(at + 16);
      double y5 = in.getFloat(at + 20);
      double y6 = in.getFloat(at + 24);
      double y7 = in.getFloat(at + 28);
      sum0 += y0 * y0;
      sum1 += y1 * y1;
      sum2 += y2 * y2;
      sum3 += y3 * y3;
      sum4 += y4 * y4;
      sum5 += y5 * y5;
      sum6 += y6 * y6;
      sum7 += y7 * y7;
    }
    return Math.sqrt(((sum0 + sum1) + (sum2 + sum3)) + ((sum4 + sum5) + (sum6 + sum7)));
  }
}
