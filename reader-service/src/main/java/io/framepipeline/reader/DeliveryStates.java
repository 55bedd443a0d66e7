package io.framepipeline.reader;

import io.framepipeline.common.wire.Frames;
import org.agrona.BitUtil;
import org.agrona.concurrent.AtomicBuffer;

/**
 * The delivery state of each of the last {@link #CAPACITY} frames, in memory that outlives the
 * reader. A frame has one word with its state, its blames, the slot of its payload and its
 * sequence. So each transition is one store, which is done or not done when the reader is killed.
 *
 * <p>The reading thread puts frames in; from then on the duty cycle alone writes their words.
 */
final class DeliveryStates {
  /** No two frames in flight are further apart. */
  static final int CAPACITY = Frames.MAX_WINDOW_FRAMES;

  /** The states. Memory that holds zeros has no frames, so none is 0. */
  static final int UNSENT = 1;

  static final int SENT = 2;
  static final int EXPIRED = 3;

  /** States from this one on are final. */
  static final int DONE = 4;

  static final int ABANDONED = 5;

  // The bits of a word, from the lowest on.
  private static final int STATE_BITS = 3;
  private static final int BLAME_BITS = 10;
  private static final int SLOT_BITS = 16;
  private static final int BLAME_SHIFT = STATE_BITS;
  private static final int SLOT_SHIFT = BLAME_SHIFT + BLAME_BITS;
  private static final int ROUND_SHIFT = SLOT_SHIFT + SLOT_BITS;
  private static final long STATE_MASK = (1L << STATE_BITS) - 1;

  /** Also the most blames that a word can hold: more than {@code READER_MAX_DELIVERIES} can be. */
  private static final int BLAME_MASK = (1 << BLAME_BITS) - 1;

  private static final int ORIGINS_OFFSET = CAPACITY * BitUtil.SIZE_OF_LONG;

  /** Bytes that the states take. */
  static final int LENGTH = ORIGINS_OFFSET + CAPACITY * BitUtil.SIZE_OF_LONG;

  private final AtomicBuffer buffer;
  private final int offset;

  /** States in memory that holds zeros or earlier states. */
  DeliveryStates(AtomicBuffer buffer, int offset) {
    this.buffer = buffer;
    this.offset = offset;
  }

  /** Puts in a frame that was read, unsent and without blame. */
  void add(long sequence, int slot, long originNanos) {
    buffer.putLong(offset + ORIGINS_OFFSET + place(sequence), originNanos);
    long word = (round(sequence) << ROUND_SHIFT) | ((long) slot << SLOT_SHIFT) | UNSENT;
    buffer.putLongRelease(offset + place(sequence), word);
  }

  /** Whether the word in this frame's place is this frame's. */
  boolean holds(long sequence) {
    long word = word(sequence);
    return (word & STATE_MASK) != 0 && word >>> ROUND_SHIFT == round(sequence);
  }

  int state(long sequence) {
    return (int) (word(sequence) & STATE_MASK);
  }

  /** Whether the frame has its norm or is abandoned. */
  boolean isFinal(long sequence) {
    return state(sequence) >= DONE;
  }

  void setState(long sequence, int state) {
    setWord(sequence, (word(sequence) & ~STATE_MASK) | state);
  }

  int blames(long sequence) {
    return (int) (word(sequence) >>> BLAME_SHIFT) & BLAME_MASK;
  }

  /** Expires a frame's delivery and blames the frame, at once. */
  void expireWithBlame(long sequence) {
    setWord(sequence, ((word(sequence) & ~STATE_MASK) | EXPIRED) + (1L << BLAME_SHIFT));
  }

  /** The slot of the frame's payload, while the frame is not final. */
  int slot(long sequence) {
    return (int) (word(sequence) >>> SLOT_SHIFT) & ((1 << SLOT_BITS) - 1);
  }

  /** When the frame was completely read. */
  long originNanos(long sequence) {
    return buffer.getLong(offset + ORIGINS_OFFSET + place(sequence));
  }

  private long word(long sequence) {
    return buffer.getLong(offset + place(sequence));
  }

  private void setWord(long sequence, long word) {
    buffer.putLongRelease(offset + place(sequence), word);
  }

  private static int place(long sequence) {
    return ((int) sequence & (CAPACITY - 1)) * BitUtil.SIZE_OF_LONG;
  }

  /** Tells apart the frames that have the same place, one after the other. */
  private static long round(long sequence) {
    return (sequence / CAPACITY) & ((1L << (Long.SIZE - ROUND_SHIFT)) - 1);
  }
}
