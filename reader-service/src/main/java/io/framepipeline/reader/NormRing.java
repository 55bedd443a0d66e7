package io.framepipeline.reader;

import io.framepipeline.common.wire.Frames;
import java.util.concurrent.atomic.AtomicLong;

/**
 * The norms that wait to be written, in order of sequence: what frames that were done early wait
 * for, and what a slow output leaves behind. The duty cycle fills it, one other thread empties it.
 */
final class NormRing {
  /** Frames that can be read and not yet written. */
  static final int CAPACITY = Frames.MAX_WINDOW_FRAMES;

  private final double[] norms = new double[CAPACITY];
  private final AtomicLong known = new AtomicLong();
  private final AtomicLong written = new AtomicLong();

  // ---- the duty cycle ----

  /** Keeps a frame's norm; NaN if it has none. */
  void put(long sequence, double norm) {
    norms[index(sequence)] = norm;
  }

  /** Says that the norms of all frames before this one are there. */
  void known(long sequence) {
    known.setRelease(sequence);
  }

  /** The frame before which all are written. */
  long written() {
    return written.getAcquire();
  }

  // ---- the writer's thread ----

  /** The frame before which all norms are there. */
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
