package io.framepipeline.reader;

import org.agrona.BitUtil;
import org.agrona.concurrent.AtomicBuffer;

/**
 * Figures that change together, in memory that outlives its process: two records, and an index that
 * says which one is valid. The writer fills the other record and then moves the index. So a process
 * that is killed at any moment leaves one moment's figures behind. One thread writes.
 */
final class DoubleRecord {
  private static final int INDEX = 0;
  private static final int RECORDS = INDEX + BitUtil.SIZE_OF_LONG;

  private final AtomicBuffer buffer;
  private final int offset;
  private final int recordLength;

  /**
   * A record in memory that holds zeros or an earlier record.
   *
   * @param fields how many figures it has
   */
  DoubleRecord(AtomicBuffer buffer, int offset, int fields) {
    this.buffer = buffer;
    this.offset = offset;
    this.recordLength = fields * BitUtil.SIZE_OF_LONG;
  }

  /** Bytes that a record of this many figures takes. */
  static int length(int fields) {
    return RECORDS + 2 * fields * BitUtil.SIZE_OF_LONG;
  }

  long get(int field) {
    return buffer.getLong(place(index(), field));
  }

  /** Sets a figure of the next record, which {@link #commit} makes valid. */
  void put(int field, long value) {
    buffer.putLong(place(1 - index(), field), value);
  }

  /** Makes the next record valid. Each of its figures must have been put. */
  void commit() {
    buffer.putLongRelease(offset + INDEX, 1 - index());
  }

  private int index() {
    return (int) buffer.getLong(offset + INDEX);
  }

  private int place(int index, int field) {
    return offset + RECORDS + index * recordLength + field * BitUtil.SIZE_OF_LONG;
  }
}
