package io.framepipeline.reader;

import org.agrona.BitUtil;
import org.agrona.BufferUtil;
import org.agrona.concurrent.AtomicBuffer;
import org.agrona.concurrent.UnsafeBuffer;

/**
 * All that a reader must know to go on in place of one that was killed, apart from the payloads. A
 * kill loses no store that was executed, but stops each thread at a point of its own. So each part
 * has one writing thread, and each of its transitions is one store. What else there is, the ledger
 * included, is derived from these parts.
 *
 * <p>Layout: {@link InputProgress}, the duty cycle's record, the writing thread's record, {@link
 * DeliveryStates}, and the norms.
 */
final class ReaderMemory {
  /** Figures of {@link #closing}: frames before this one are closed. */
  static final int CLOSED = 0;

  /** Figures of {@link #closing}: frames among them that were abandoned. */
  static final int CLOSED_ABANDONED = 1;

  /** Figures of {@link #closing}: deliveries beyond each frame's first. */
  static final int REDELIVERED = 2;

  /** Figures of {@link #writing}: results before this frame's are written. */
  static final int WRITTEN = 0;

  /** Figures of {@link #writing}: bytes of the results file by then. */
  static final int WRITTEN_BYTES = 1;

  private static final int CLOSING_FIELDS = 3;
  private static final int WRITING_FIELDS = 2;

  /** Each writing thread's parts are on cache lines of their own. */
  private static final int ALIGNMENT = 2 * BitUtil.CACHE_LINE_LENGTH;

  private static final int CLOSING_OFFSET = BitUtil.align(InputProgress.LENGTH, ALIGNMENT);
  private static final int WRITING_OFFSET =
      BitUtil.align(CLOSING_OFFSET + DoubleRecord.length(CLOSING_FIELDS), ALIGNMENT);
  private static final int RESULTS_FILE_OFFSET =
      WRITING_OFFSET + DoubleRecord.length(WRITING_FIELDS);
  private static final int STATES_OFFSET =
      BitUtil.align(RESULTS_FILE_OFFSET + BitUtil.SIZE_OF_LONG, ALIGNMENT);
  private static final int NORMS_OFFSET = STATES_OFFSET + DeliveryStates.LENGTH;

  /** Bytes that this takes. */
  static final int LENGTH = NORMS_OFFSET + DeliveryStates.CAPACITY * BitUtil.SIZE_OF_DOUBLE;

  /** Written by the reading thread. */
  final InputProgress input;

  /** Written by the duty cycle. */
  final DoubleRecord closing;

  /** Written by the thread that writes results. */
  final DoubleRecord writing;

  final DeliveryStates states;

  private final AtomicBuffer buffer;

  /** In memory that holds zeros, or what a dead reader left there. */
  ReaderMemory(AtomicBuffer buffer) {
    this.buffer = buffer;
    this.input = new InputProgress(buffer, 0);
    this.closing = new DoubleRecord(buffer, CLOSING_OFFSET, CLOSING_FIELDS);
    this.writing = new DoubleRecord(buffer, WRITING_OFFSET, WRITING_FIELDS);
    this.states = new DeliveryStates(buffer, STATES_OFFSET);
  }

  /** In memory that ends with this process. */
  static ReaderMemory ofProcess() {
    return new ReaderMemory(
        new UnsafeBuffer(
            BufferUtil.allocateDirectAligned(LENGTH, BitUtil.CACHE_LINE_LENGTH), 0, LENGTH));
  }

  /** Whether the results file was made by the reader whose memory this is. */
  boolean hasResultsFile() {
    return buffer.getLong(RESULTS_FILE_OFFSET) != 0;
  }

  void setHasResultsFile() {
    buffer.putLongRelease(RESULTS_FILE_OFFSET, 1);
  }

  /** Sets a frame's norm; NaN if it was abandoned. Call this before the frame's state is final. */
  void setNorm(long sequence, double norm) {
    buffer.putDouble(normOffset(sequence), norm);
  }

  double norm(long sequence) {
    return buffer.getDouble(normOffset(sequence));
  }

  private static int normOffset(long sequence) {
    return NORMS_OFFSET + ((int) sequence & (DeliveryStates.CAPACITY - 1)) * BitUtil.SIZE_OF_DOUBLE;
  }
}
