package io.framepipeline.common.transport;

import java.lang.invoke.VarHandle;
import java.nio.ByteBuffer;
import org.agrona.BitUtil;
import org.agrona.BufferUtil;
import org.agrona.MutableDirectBuffer;
import org.agrona.concurrent.UnsafeBuffer;

/**
 * Payloads in memory that one process writes and others read. Payload number n, from 0 on, lies in
 * slot {@code n mod count}, aligned to a cache line, and a word on a cache line of its own says
 * that it does.
 *
 * <p>A slot may be written anew while somebody still reads it, who was stopped in between, say. As
 * with a seqlock, the reader finds out afterwards, by {@link #isStill}, and forgets what it made of
 * that. Nobody waits, and nobody is waited for.
 */
public final class FrameSlots {
  private static final int WORD_STRIDE = BitUtil.CACHE_LINE_LENGTH;

  /** No payload's number, since those are not negative. */
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

  /** Bytes of memory that so many slots take. */
  public static long length(int count, int payloadLength) {
    return (long) count * (payloadLength + WORD_STRIDE);
  }

  /** Whether so many bytes are a power of two of slots. */
  public static boolean isLength(long bytes, int payloadLength) {
    long count = bytes / (payloadLength + WORD_STRIDE);
    return bytes <= Integer.MAX_VALUE
        && BitUtil.isPowerOfTwo(count)
        && bytes == count * (payloadLength + WORD_STRIDE);
  }

  /**
   * Empty slots.
   *
   * @param memory of {@link #length} bytes, aligned to a cache line
   */
  public static FrameSlots format(ByteBuffer memory, int payloadLength) {
    FrameSlots slots = attach(memory, payloadLength);
    for (int slot = 0; slot < slots.count; slot++) {
      slots.buffer.putLong(slots.word(slot), EMPTY);
    }
    return slots;
  }

  /**
   * Slots that another process fills.
   *
   * @param memory all that it has formatted
   * @throws IllegalArgumentException if it is no power of two of slots
   */
  public static FrameSlots attach(ByteBuffer memory, int payloadLength) {
    if (!isLength(memory.capacity(), payloadLength)) {
      throw new IllegalArgumentException(
          memory.capacity() + " bytes are no power of two of slots for " + payloadLength);
    }
    return new FrameSlots(memory, payloadLength);
  }

  /** Slots that nobody else sees. */
  public static FrameSlots inMemory(int count, int payloadLength) {
    int length = Math.toIntExact(length(count, payloadLength));
    return format(
        BufferUtil.allocateDirectAligned(length, BitUtil.CACHE_LINE_LENGTH), payloadLength);
  }

  /** How many slots there are; a power of two. */
  public int count() {
    return count;
  }

  /** The memory, for a channel to read into; the same object each time. */
  public ByteBuffer memory() {
    return memory;
  }

  /** The memory, see {@link #offset}. */
  public MutableDirectBuffer buffer() {
    return buffer;
  }

  /** Where in {@link #buffer} a payload lies. */
  public int offset(long number) {
    return slot(number) * payloadLength;
  }

  /** Takes the slot of a payload from the one before, ahead of the first byte. */
  public void beginWriting(long number) {
    buffer.putLong(word(number), EMPTY);
    VarHandle.storeStoreFence();
  }

  /** Says that a payload is complete. */
  public void written(long number) {
    buffer.putLongRelease(word(number), number);
  }

  /**
   * Whether what was read until now was this payload, and not something written over it: for those
   * who have been told that it was complete before they began to read.
   */
  public boolean isStill(long number) {
    VarHandle.acquireFence();
    return number >= 0 && buffer.getLong(word(number)) == number;
  }

  private int slot(long number) {
    return (int) number & (count - 1);
  }

  private int word(long number) {
    return wordsOffset + slot(number) * WORD_STRIDE;
  }
}
