package io.framepipeline.reader;

import java.util.concurrent.atomic.AtomicLong;

/**
 * The norms that wait to be written, in order of sequence. They wait for earlier frames that are
 * not done, or for a slow output. The duty cycle fills the ring, and the writing thread empties it.
 */
final class NormRing {
  /** The most frames that are read and not yet written. */
  static final int CAPACITY = DeliveryStates.CAPACITY;

  private final ReaderMemory memory;
  private final boolean[] returned = new boolean[CAPACITY];
  private final AtomicLong known = new AtomicLong();
  private final AtomicLong written;

  /** The ring of a reader, or of a dead reader whose memory this is. */
  NormRing(ReaderMemory memory) {
    this.memory = memory;
    this.written = new AtomicLong(memory.writing.get(ReaderMemory.WRITTEN));
  }

  // ---- the duty cycle ----

  /** Says that all frames before this one have their norms. */
  void known(long sequence) {
    known.setRelease(sequence);
  }

  /** Returns the first frame that is not written. */
  long written() {
    return written.getAcquire();
  }

  /** Whether a frame before {@link #written} went back to its source instead of being written. */
  boolean isReturned(long sequence) {
    return returned[index(sequence)];
  }

  // ---- the writing thread ----

  /** Returns the first frame whose norm is not there. */
  long known() {
    return known.getAcquire();
  }

  /** A frame's norm; NaN if it has none. */
  double norm(long sequence) {
    return memory.norm(sequence);
  }

  /** Says whether the frame goes back to its source. Call this before {@link #written(long)}. */
  void returned(long sequence, boolean isReturned) {
    returned[index(sequence)] = isReturned;
  }

  /** Says that the norms of all frames before this one are written, or the frames returned. */
  void written(long sequence) {
    written(sequence, 0);
  }

  /** The same for norms that are written to a file, which has this many bytes of them. */
  void written(long sequence, long bytes) {
    memory.writing.put(ReaderMemory.WRITTEN, sequence);
    memory.writing.put(ReaderMemory.WRITTEN_BYTES, bytes);
    memory.writing.commit();
    written.setRelease(sequence);
  }

  private static int index(long sequence) {
    return (int) sequence & (CAPACITY - 1);
  }
}
