package io.framepipeline.norm;

import io.framepipeline.common.frame.Frames;
import java.util.Arrays;

/**
 * Tells a source's repeated frames from new ones, with one bit a frame over the last {@link
 * Frames#MAX_WINDOW_FRAMES} sequences.
 *
 * <p>That is exact, not a guess: a reader lets no two frames in flight be a window apart, so a
 * frame further behind the highest one seen than any window reaches was acknowledged or abandoned
 * before.
 */
final class DuplicateFilter {
  private static final int CAPACITY = Frames.MAX_WINDOW_FRAMES;
  private static final int MASK = CAPACITY - 1;

  private final long[] seen = new long[CAPACITY / Long.SIZE];
  private long highest = -1;

  /** Whether this frame was seen before; it counts as seen from now on. */
  boolean isRepeat(long sequence) {
    if (sequence <= highest - CAPACITY) {
      return true;
    }
    if (sequence > highest) {
      forgetUpTo(sequence);
      highest = sequence;
    }
    int index = (int) sequence & MASK;
    long bit = 1L << index;
    boolean isRepeat = (seen[index >> 6] & bit) != 0;
    seen[index >> 6] |= bit;
    return isRepeat;
  }

  /** Clears the bits that sequences above the highest share with those a capacity before them. */
  private void forgetUpTo(long sequence) {
    // Not sequence - highest, nor forgotten <= sequence: both overflow at the largest sequences.
    if (sequence - CAPACITY >= highest) {
      Arrays.fill(seen, 0);
      return;
    }
    for (long forgotten = highest; forgotten < sequence; ) {
      int index = (int) ++forgotten & MASK;
      seen[index >> 6] &= ~(1L << index);
    }
  }
}
