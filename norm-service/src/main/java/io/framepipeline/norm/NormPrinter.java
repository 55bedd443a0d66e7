package io.framepipeline.norm;

import static org.agrona.BitUtil.SIZE_OF_LONG;

import java.io.IOException;
import java.io.OutputStream;
import java.util.concurrent.TimeUnit;
import org.agrona.BitUtil;
import org.agrona.BufferUtil;
import org.agrona.MutableDirectBuffer;
import org.agrona.concurrent.BackoffIdleStrategy;
import org.agrona.concurrent.IdleStrategy;
import org.agrona.concurrent.MessageHandler;
import org.agrona.concurrent.UnsafeBuffer;
import org.agrona.concurrent.ringbuffer.OneToOneRingBuffer;
import org.agrona.concurrent.ringbuffer.RingBufferDescriptor;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Prints norms as {@code sourceId sequence norm}, a line each, on a thread of its own: standard
 * output may be a pipe that nobody reads. What has been written comes back through {@link #poll},
 * and only then is a frame acknowledged, so a process that dies takes no line with it.
 */
final class NormPrinter implements AutoCloseable {
  /** Takes a frame whose line, if it was to have one, has been written. */
  @FunctionalInterface
  interface PrintedHandler {
    void onPrinted(int sourceId, int ackStreamId, long sequence);
  }

  private static final Logger LOG = LoggerFactory.getLogger(NormPrinter.class);

  /** A write of up to PIPE_BUF bytes to a pipe is never torn, nor mixed with another process's. */
  private static final int PIPE_BUF = 4096;

  /**
   * Longest line: two signs, 10 and 19 digits, 24 characters of a double, two blanks, a line feed.
   */
  private static final int MAX_LINE_LENGTH = 64;

  private static final int RING_LENGTH = 1 << 16;
  private static final int PRINT = 1;
  private static final int PASS = 2;

  private static final int SOURCE_ID_OFFSET = 0;
  private static final int ACK_STREAM_ID_OFFSET = SOURCE_ID_OFFSET + BitUtil.SIZE_OF_INT;
  private static final int SEQUENCE_OFFSET = ACK_STREAM_ID_OFFSET + BitUtil.SIZE_OF_INT;
  private static final int NORM_OFFSET = SEQUENCE_OFFSET + SIZE_OF_LONG;
  private static final int ENTRY_LENGTH = NORM_OFFSET + SIZE_OF_LONG;

  /** Entries printed at once: their lines fit into one write. */
  private static final int PRINT_LIMIT = PIPE_BUF / MAX_LINE_LENGTH;

  private static final long MAX_PARK_NANOS = TimeUnit.MILLISECONDS.toNanos(1);
  private static final long JOIN_MILLIS = 1000;

  private final OneToOneRingBuffer toPrint = newRing();
  private final OneToOneRingBuffer printed = newRing();
  private final OutputStream out;
  private final Thread thread;
  private final byte[] lines = new byte[PIPE_BUF];
  private final StringBuilder line = new StringBuilder(MAX_LINE_LENGTH);
  private final UnsafeBuffer batch = new UnsafeBuffer(new byte[PRINT_LIMIT * ENTRY_LENGTH]);
  private int linesLength;
  private int batchLength;
  private boolean isOutputGone;
  private int outstanding;
  private volatile boolean isClosed;

  NormPrinter(OutputStream out) {
    this.out = out;
    this.thread = Thread.ofPlatform().name("printer").daemon().start(this::run);
  }

  private static OneToOneRingBuffer newRing() {
    return new OneToOneRingBuffer(
        new UnsafeBuffer(
            BufferUtil.allocateDirectAligned(
                RING_LENGTH + RingBufferDescriptor.TRAILER_LENGTH, BitUtil.CACHE_LINE_LENGTH)));
  }

  // ---- the duty cycle's thread ----

  /** Whether {@link #print} or {@link #pass} will succeed so many times. */
  boolean hasRoom(int frames) {
    return outstanding + frames <= RING_LENGTH / (2 * ENTRY_LENGTH);
  }

  /** Has a norm printed. */
  void print(int sourceId, int ackStreamId, long sequence, double norm) {
    put(PRINT, sourceId, ackStreamId, sequence, norm);
  }

  /**
   * Lets a repeat follow the first of its kind, unprinted: its acknowledgement must not overtake.
   */
  void pass(int sourceId, int ackStreamId, long sequence) {
    put(PASS, sourceId, ackStreamId, sequence, 0);
  }

  /** Hands back what has been printed; returns how many. */
  int poll(MessageHandler handler, int limit) {
    int count = printed.read(handler, limit);
    outstanding -= count;
    return count;
  }

  /** Adapts a {@link PrintedHandler} to {@link #poll}; made once, not per call. */
  static MessageHandler adapt(PrintedHandler handler) {
    return (type, buffer, index, length) ->
        handler.onPrinted(
            buffer.getInt(index + SOURCE_ID_OFFSET),
            buffer.getInt(index + ACK_STREAM_ID_OFFSET),
            buffer.getLong(index + SEQUENCE_OFFSET));
  }

  /** Frames that have not been handed back. */
  int outstanding() {
    return outstanding;
  }

  /** Ends the thread; it may be waiting for a reader of standard output, so only for a while. */
  @Override
  public void close() {
    isClosed = true;
    try {
      thread.join(JOIN_MILLIS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private void put(int type, int sourceId, int ackStreamId, long sequence, double norm) {
    int index = toPrint.tryClaim(type, ENTRY_LENGTH);
    if (index < 0) {
      throw new IllegalStateException("print ring is full in spite of hasRoom()");
    }
    MutableDirectBuffer buffer = toPrint.buffer();
    buffer.putInt(index + SOURCE_ID_OFFSET, sourceId);
    buffer.putInt(index + ACK_STREAM_ID_OFFSET, ackStreamId);
    buffer.putLong(index + SEQUENCE_OFFSET, sequence);
    buffer.putDouble(index + NORM_OFFSET, norm);
    toPrint.commit(index);
    outstanding++;
  }

  // ---- the printer's thread ----

  private void run() {
    IdleStrategy idleStrategy = new BackoffIdleStrategy(1, 1, 1, MAX_PARK_NANOS);
    MessageHandler onEntry = this::onEntry;
    while (!isClosed || toPrint.size() > 0) {
      int count = toPrint.read(onEntry, PRINT_LIMIT);
      if (count > 0) {
        write();
        handBack();
      }
      idleStrategy.idle(count);
    }
  }

  private void onEntry(int type, MutableDirectBuffer buffer, int index, int length) {
    batch.putBytes(batchLength, buffer, index, length);
    batchLength += ENTRY_LENGTH;
    if (type == PRINT) {
      line.setLength(0);
      line.append(buffer.getInt(index + SOURCE_ID_OFFSET))
          .append(' ')
          .append(buffer.getLong(index + SEQUENCE_OFFSET))
          .append(' ')
          .append(buffer.getDouble(index + NORM_OFFSET))
          .append('\n');
      for (int i = 0; i < line.length(); i++) {
        lines[linesLength++] = (byte) line.charAt(i);
      }
    }
  }

  private void write() {
    if (!isOutputGone) {
      try {
        out.write(lines, 0, linesLength);
        out.flush();
      } catch (IOException e) {
        isOutputGone = true;
        LOG.error("standard output is gone, norms are no longer printed: {}", e.getMessage());
      }
    }
    linesLength = 0;
  }

  private void handBack() {
    for (int offset = 0; offset < batchLength; offset += ENTRY_LENGTH) {
      if (!printed.write(PRINT, batch, offset, ENTRY_LENGTH)) {
        throw new IllegalStateException("hand-back ring is full, which hasRoom() rules out");
      }
    }
    batchLength = 0;
  }
}
