package io.framepipeline.reader;

import io.framepipeline.common.wire.Frames;
import java.nio.ByteBuffer;

/**
 * Marks in the memory that a read is about to fill, at the start and at the end of each frame. If
 * the reader is killed inside the read, they tell how many bytes it had taken, provided that they
 * end with a frame. Those of a pipe do, if its writer writes whole frames.
 *
 * <p>A mark is a random number, so that no input contains it but by a chance of 1 to 2^64.
 */
final class ReadMarks {
  private static final int LENGTH = Long.BYTES;

  private ReadMarks() {}

  /**
   * Puts marks into memory to read into.
   *
   * @param memory of a read, which ends with a frame's last byte; its position stays
   */
  static void put(ByteBuffer memory, long mark) {
    for (int end = memory.limit(); end > memory.position(); end = start(memory, end)) {
      int start = start(memory, end);
      if (end - start >= 2 * LENGTH) {
        memory.putLong(start, mark).putLong(end - LENGTH, mark);
      }
    }
  }

  /**
   * How many bytes a read has filled since the marks were put.
   *
   * @return -1 if these do not end with a frame
   */
  static int filled(ByteBuffer memory, long mark) {
    int filledEnd = memory.limit();
    int start;
    for (int end = memory.limit(); end > memory.position(); end = start) {
      start = start(memory, end);
      if (end - start < 2 * LENGTH) {
        return -1;
      }
      if (memory.getLong(end - LENGTH) == mark) {
        if (memory.getLong(start) != mark) {
          return -1;
        }
        filledEnd = start;
      }
    }
    return filledEnd - memory.position();
  }

  /** Where the frame that ends here begins, or the memory, whichever comes later. */
  private static int start(ByteBuffer memory, int end) {
    return Math.max(memory.position(), end - Frames.BYTE_PAYLOAD_LENGTH);
  }
}
