package io.framepipeline.systemtests;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.ByteBuffer;
import java.util.List;
import java.util.Random;

/** Frames that are numbered in their bytes, and what their norms must be, computed in float64. */
final class Reference {
  static final int FRAME_LENGTH = 4096;

  /** Relative, of a norm. */
  static final double TOLERANCE = 1e-6;

  private Reference() {}

  /** So many frames: each its number, then bytes that depend on it. */
  static byte[] frames(int count, long seed) {
    byte[] bytes = new byte[count * FRAME_LENGTH];
    new Random(seed).nextBytes(bytes);
    for (int frame = 0; frame < count; frame++) {
      ByteBuffer.wrap(bytes).putInt(frame * FRAME_LENGTH, frame);
    }
    return bytes;
  }

  /** The Frobenius norm of a frame's reciprocals. */
  static double norm(byte[] bytes, int frame) {
    return Math.sqrt(sumOfSquares(bytes, frame * FRAME_LENGTH, (frame + 1) * FRAME_LENGTH));
  }

  /** The sum of the squares of some bytes' reciprocals. */
  static double sumOfSquares(byte[] bytes, int from, int to) {
    double sum = 0;
    for (int i = from; i < to; i++) {
      double reciprocal = 1.0 / (1.0 + (bytes[i] & 0xFF));
      sum += reciprocal * reciprocal;
    }
    return sum;
  }

  /**
   * Checks printed lines: one a frame, of one reader, in order, each norm right.
   *
   * @param abandoned frames that have no norm
   */
  static void assertPrinted(List<String> lines, byte[] bytes, Integer... abandoned) {
    PrintedNorms printed = new PrintedNorms(lines);
    assertThat(printed.readers()).containsExactly(0);
    assertThat(printed.frames(0)).isEqualTo(bytes.length / FRAME_LENGTH);
    printed.assertRight(bytes, abandoned);
  }
}
