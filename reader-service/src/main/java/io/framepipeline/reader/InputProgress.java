package io.framepipeline.reader;

import java.security.SecureRandom;
import org.agrona.BitUtil;
import org.agrona.concurrent.AtomicBuffer;

/**
 * How far the input has been read, in memory that outlives the reader. The reading thread writes
 * it. A read is committed by one store, that of the position. Until then its bytes do not count.
 */
final class InputProgress {
  private static final int POSITION = 0;
  private static final int PAYLOAD_LEAD = POSITION + BitUtil.SIZE_OF_LONG;
  private static final int CONSUMING = PAYLOAD_LEAD + BitUtil.SIZE_OF_LONG;
  private static final int CONSUMING_LENGTH = CONSUMING + BitUtil.SIZE_OF_LONG;
  private static final int PASS_START = CONSUMING_LENGTH + BitUtil.SIZE_OF_LONG;
  private static final int HAS_ENDED = PASS_START + BitUtil.SIZE_OF_LONG;
  private static final int IS_OPENED = HAS_ENDED + BitUtil.SIZE_OF_LONG;
  private static final int FILE_DEVICE = IS_OPENED + BitUtil.SIZE_OF_LONG;
  private static final int FILE_NUMBER = FILE_DEVICE + BitUtil.SIZE_OF_LONG;
  private static final int FILE_START = FILE_NUMBER + BitUtil.SIZE_OF_LONG;
  private static final int MARK = FILE_START + BitUtil.SIZE_OF_LONG;

  /** Bytes that this takes. */
  static final int LENGTH = MARK + BitUtil.SIZE_OF_LONG;

  private final AtomicBuffer buffer;
  private final int offset;

  /** Progress in memory that holds zeros or earlier progress. */
  InputProgress(AtomicBuffer buffer, int offset) {
    this.buffer = buffer;
    this.offset = offset;
  }

  /** How many bytes of the input are read, repeats and padding included. */
  long position() {
    return get(POSITION);
  }

  /** Commits a read. */
  void advance(long position) {
    set(POSITION, position);
  }

  /**
   * Says where the next read writes, so that the frames that it completes are found even if the
   * reader is killed before it has put them into the delivery states.
   *
   * @param lead the number of the first payload minus the sequence of its frame; the same for each
   *     further frame of the read
   */
  void willWriteAt(long lead) {
    set(PAYLOAD_LEAD, lead);
  }

  /** Where the last read wrote, or would have written, a frame. */
  long payloadOf(long sequence) {
    return sequence + get(PAYLOAD_LEAD);
  }

  /** Says that a read may be taking bytes that cannot be read again. */
  void beginConsuming(int length) {
    set(CONSUMING_LENGTH, length);
    set(CONSUMING, position() + 1);
  }

  /** Says that no read takes any. A read that is committed needs no such call. */
  void endConsuming() {
    set(CONSUMING, 0);
  }

  /** The bytes that a read asked for that may have taken some, and was not committed; else 0. */
  int interruptedLength() {
    return get(CONSUMING) == position() + 1 ? (int) get(CONSUMING_LENGTH) : 0;
  }

  /** The position at which the file was at its start. It moves with each repeat. */
  long passStart() {
    return get(PASS_START);
  }

  void beginPass(long position) {
    set(PASS_START, position);
  }

  /**
   * Notes which file the input is.
   *
   * @param start where in the file the input begins: an inherited file need not stand at its start
   */
  void open(Source.Identity file, long start) {
    set(FILE_DEVICE, file.device());
    set(FILE_NUMBER, file.number());
    set(FILE_START, start);
    set(MARK, new SecureRandom().nextLong());
    set(IS_OPENED, 1);
  }

  /** Which file the input is; null if it has not been opened yet. */
  Source.Identity file() {
    return get(IS_OPENED) == 0 ? null : new Source.Identity(get(FILE_DEVICE), get(FILE_NUMBER));
  }

  /** Random, for {@link ReadMarks}. */
  long mark() {
    return get(MARK);
  }

  /** Where in the file the next byte is. */
  long filePosition() {
    return get(FILE_START) + position() - passStart();
  }

  /** Whether the input has ended, or all wanted frames were read. */
  boolean hasEnded() {
    return get(HAS_ENDED) != 0;
  }

  void end() {
    set(HAS_ENDED, 1);
  }

  private long get(int field) {
    return buffer.getLong(offset + field);
  }

  private void set(int field, long value) {
    buffer.putLongRelease(offset + field, value);
  }
}
