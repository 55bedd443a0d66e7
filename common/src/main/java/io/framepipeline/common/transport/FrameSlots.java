package io.framepipeline.common.transport;

import java.lang.invoke.VarHandle;
import java.nio.ByteBuffer;
import org.agrona.BitUtil;
import org.agrona.BufferUtil;
import org.agrona.MutableDirectBuffer;
import org.agrona.concurrent.UnsafeBuffer;

/**
 * Payloads in memory that one process writes and others read. Payload number n, from 0 on, lies in
 * slot {@code n mod count}, aligned to a cache line. A word on a cache line of its own says which
 * payload the slot holds.
 *
 * <p>A writer may overwrite a slot that another process still reads, for example because that
 * process was stopped meanwhile. As with a seqlock, the reading process finds out afterwards, by
 * {@link #isStill}, and drops what it computed. Neither waits for the other.
 */
public final class FrameSlots {
  private static final int WORD_STRIDE = BitUtil.CACHE_LINE_LENGTH;

  /** No payload has this number, because payload numbers are not negative. */
  private static final long EMPTY = -1;

  private final ByteBuffer memory;
  private final UnsafeBuffer buffer;
  private final int payloadLength;
  private final int count;
  private final int wordsOffset;

  private FrameSlots(ByteBuffer memory, int payloadLength) {
    this.memory = memory;
    this.buffer = new UnsafeBuffer(memory);
    this.payloadLength = payloadLength;
    this.count = memory.capacity() / (payloadLength + WORD_STRIDE);
    this.wordsOffset = count * payloadLength;
  }

  /** Bytes of memory that this many slots take. */
  static long length(int count, int payloadLength) {
    return (long) count * (payloadLength + WORD_STRIDE);
  }

  /** Whether a number of slots that is a power of two takes exactly this many bytes. */
  static boolean isLength(long bytes, int payloadLength) {
    long count = bytes / (payloadLength + WORD_STRIDE);
    return bytes <= Integer.MAX_VALUE
        && BitUtil.isPowerOfTwo(count)
        && bytes == count * (payloadLength + WORD_STRIDE);
  }

  /**
   * Makes empty slots.
   *
   * @param memory of {@link #length} bytes, aligned to a cache line
   */
  static FrameSlots format(ByteBuffer memory, int payloadLength) {
    FrameSlots slots = attach(memory, payloadLength);
    for (int slot = 0; slot < slots.count; slot++) {
      slots.buffer.putLong(slots.word(slot), EMPTY);
    }
    return slots;
  }

  /**
   * Slots that another process fills.
   *
   * @param memory all the memory that the other process has formatted
   * @throws IllegalArgumentException if the number of slots is no power of two
   */
  static FrameSlots attach(ByteBuffer memory, int payloadLength) {
    if (!isLength(memory.capacity(), payloadLength)) {
      throw new IllegalArgumentException(
          memory.capacity() + " bytes are no power of two of slots for " + payloadLength);
    }
    return new FrameSlots(memory, payloadLength);
  }

  /** Slots that no other process sees. */
  public static FrameSlots inMemory(int count, int payloadLength) {
    int length = Math.toIntExact(length(count, payloadLength));
    return format(
        BufferUtil.allocateDirectAligned(length, BitUtil.CACHE_LINE_LENGTH), payloadLength);
  }

  /** The number of slots, a power of two. */
  public int count() {
    return count;
  }

  /** The memory, for a channel to read into; the same object each time. */
  public ByteBuffer memory() {
    return memory;
  }

  /** The memory, in which {@link #offset} tells where a payload lies. */
  public MutableDirectBuffer buffer() {
    return buffer;
  }

  /** Where in {@link #buffer} a payload lies. */
  public int offset(long number) {
    return slot(number) * payloadLength;
  }

  /** Marks a payload's slot as empty, before the first byte is written over the payload there. */
  public void beginWriting(long number) {
    buffer.putLong(word(number), EMPTY);
    VarHandle.storeStoreFence();
  }

  /** Marks a payload as complete. */
  public void written(long number) {
    buffer.putLongRelease(word(number), number);
  }

  /**
   * Whether everything read until now was this payload, and nothing was written over it. The caller
   * must have known before it began to read that the payload was complete.
   */
  public boolean isStill(long number) {
    VarHandle.acquireFence();
    return number >= 0 && buffer.getLong(word(number)) == number;
  }

  /** The number of the payload that a slot holds; negative if it holds none. */
  public long numberIn(int slot) {
    return buffer.getLong(word(slot));
  }

  private int slot(long number) {
    return (int) number & (count - 1);
  }

  private int word(long number) {
    return wordsOffset + slot(number) * WORD_STRIDE;
  }
}
