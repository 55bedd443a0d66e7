package io.framepipeline.systemtests;

import java.nio.ByteBuffer;
import java.util.Random;

/** Frames with their numbers in their first bytes, so that a norm tells which frame it is of. */
final class NumberedFrames {
  private static final int NUMBER_LENGTH = Long.BYTES;

  /** Frames differ in their numbers and, beyond those, in which of so many patterns they have. */
  private static final int PATTERNS = 64;

  private final byte[][] patterns = new byte[PATTERNS][Reference.FRAME_LENGTH];
  private final double[] patternSums = new double[PATTERNS];

  NumberedFrames(long seed) {
    Random random = new Random(seed);
    for (int pattern = 0; pattern < PATTERNS; pattern++) {
      random.nextBytes(patterns[pattern]);
      patternSums[pattern] =
          Reference.sumOfSquares(patterns[pattern], NUMBER_LENGTH, Reference.FRAME_LENGTH);
    }
  }

  /** Puts a frame where the buffer's position is. */
  void put(ByteBuffer buffer, long number) {
    int start = buffer.position();
    buffer.put(patterns[pattern(number)]).putLong(start, number);
  }

  /** The norm that a frame must have. */
  double norm(long number) {
    byte[] bytes = ByteBuffer.allocate(NUMBER_LENGTH).putLong(number).array();
    return Math.sqrt(
        patternSums[pattern(number)] + Reference.sumOfSquares(bytes, 0, NUMBER_LENGTH));
  }

  /** Whether a norm is that of a frame. */
  boolean isNorm(double norm, long number) {
    double expected = norm(number);
    return Math.abs(norm - expected) <= expected * Reference.TOLERANCE;
  }

  private static int pattern(long number) {
    return (int) (number % PATTERNS);
  }
}
