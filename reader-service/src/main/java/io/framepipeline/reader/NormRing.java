package io.framepipeline.reader;

import io.framepipeline.common.wire.Frames;
import java.util.concurrent.atomic.AtomicLong;

/**
 * The norms that wait to be written, in order of sequence. They wait for earlier frames that are
 * not done, or for a slow output. The duty cycle fills the ring, and the writing thread empties it.
 */
final class NormRing {
  /** The most frames that are read and not yet written. */
  static final int CAPACITY = Frames.MAX_WINDOW_FRAMES;

  private final double[] norms = new double[CAPACITY];
  private final AtomicLong known = new AtomicLong();
  private final AtomicLong written = new AtomicLong();

  // ---- the duty cycle ----

  /** Keeps a frame's norm; NaN if it has none. */
  void put(long sequence, double norm) {
    norms[index(sequence)] = norm;
  }

  /** Says that all frames before this one have their norms. */
  void known(long sequence) {
    known.setRelease(sequence);
  }

  /** Returns the first frame that is not written. */
  long written() {
    return written.getAcquire();
  }

  // ---- the writing thread ----

  /** Returns the first frame whose norm is not there. */
  long known() {
    return known.getAcquire();
  }

  double norm(long sequence) {
    return norms[index(sequence)];
  }

  /** Says that the norms of all frames before this one are written. */
  void written(long sequence) {
    written.setRelease(sequence);
  }

  private static int index(long sequence) {
    return (int) sequence & (CAPACITY - 1);
  }
}
