package io.framepipeline.norm;

import io.aeron.Aeron;
import io.aeron.logbuffer.BufferClaim;
import io.framepipeline.common.frame.Frames;
import io.framepipeline.common.frame.sbe.AckDecoder;
import io.framepipeline.common.frame.sbe.AckEncoder;
import io.framepipeline.common.frame.sbe.GroupSizeEncodingEncoder;
import io.framepipeline.common.frame.sbe.MessageHeaderEncoder;
import io.framepipeline.common.transport.Outboxes;
import java.util.concurrent.TimeUnit;

/**
 * What a norm instance knows of one reader: which frames it had, and which it has yet to
 * acknowledge.
 */
final class FrameSource {
  /** Acknowledgements that can wait at first; more than a reader with default settings awaits. */
  private static final int ACK_CAPACITY = 4096;

  /** At most: no reader awaits more, so none holds up what others have in the same log. */
  private static final int MAX_ACK_CAPACITY = Frames.MAX_WINDOW_FRAMES;

  /** Acknowledgements in a message: as many as the default MTU takes; a sixth of a window. */
  static final int ACKS_PER_MESSAGE = 168;

  private static final int ACK_PREFIX_LENGTH =
      MessageHeaderEncoder.ENCODED_LENGTH
          + AckEncoder.BLOCK_LENGTH
          + GroupSizeEncodingEncoder.ENCODED_LENGTH;

  /** A reader whose inbox was not to be found for so long is gone. */
  private static final long GONE_NANOS = TimeUnit.SECONDS.toNanos(1);

  /** So long after its last frame a reader that is gone is forgotten. */
  private static final long FORGET_NANOS = TimeUnit.MINUTES.toNanos(1);

  private final DuplicateFilter filter = new DuplicateFilter();
  private long[] acks = new long[ACK_CAPACITY];
  private final int sourceId;
  private int firstAck;
  private int ackCount;
  private int ackStreamId;
  private long lastFrameNanos;
  private long lastPresentNanos;

  FrameSource(int sourceId, int ackStreamId, long nowNanos) {
    this.sourceId = sourceId;
    this.ackStreamId = ackStreamId;
    this.lastFrameNanos = nowNanos;
    this.lastPresentNanos = nowNanos;
  }

  int sourceId() {
    return sourceId;
  }

  /** Notes a frame's arrival; returns whether it is a repeat. */
  boolean onFrame(long sequence, int frameAckStreamId, long nowNanos) {
    // A reader that was evicted has a new inbox; later inboxes have higher stream ids.
    if (frameAckStreamId - ackStreamId > 0) {
      ackStreamId = frameAckStreamId;
      lastPresentNanos = nowNanos;
    }
    lastFrameNanos = nowNanos;
    return filter.isRepeat(sequence);
  }

  /** Whether so many more acknowledgements can wait. */
  boolean hasRoom(int acks) {
    return ackCount + acks <= MAX_ACK_CAPACITY;
  }

  /** Lets an acknowledgement wait for {@link #sendAcks}. */
  void acknowledge(long sequence) {
    if (ackCount == acks.length) {
      grow();
    }
    acks[(firstAck + ackCount) & (acks.length - 1)] = sequence;
    ackCount++;
  }

  /** Sends what waits, as far as the reader's inbox has room; returns how many. */
  int sendAcks(Outboxes readers, BufferClaim claim, MessageHeaderEncoder header, AckEncoder ack) {
    int sent = 0;
    while (ackCount > 0) {
      int count = Math.min(ackCount, ACKS_PER_MESSAGE);
      int length = ACK_PREFIX_LENGTH + count * AckDecoder.FramesDecoder.sbeBlockLength();
      if (!readers.tryClaim(ackStreamId, length, claim)) {
        break;
      }
      ack.wrapAndApplyHeader(claim.buffer(), claim.offset(), header).sourceId(sourceId);
      AckEncoder.FramesEncoder sequences = ack.framesCount(count);
      for (int i = 0; i < count; i++) {
        sequences.next().sequence(acks[firstAck]);
        firstAck = (firstAck + 1) & (acks.length - 1);
      }
      claim.commit();
      ackCount -= count;
      sent += count;
    }
    return sent;
  }

  /** Acknowledgements that wait. */
  int ackCount() {
    return ackCount;
  }

  /** Drops what waits if the reader is gone: nobody asks for it any more. */
  void checkPresence(Outboxes readers, long nowNanos) {
    if (readers.isOpen(ackStreamId)) {
      lastPresentNanos = nowNanos;
    } else if (nowNanos - lastPresentNanos > GONE_NANOS) {
      dropAcks();
    }
  }

  /** Whether nothing more will come of this source. */
  boolean isForgotten(long nowNanos) {
    return nowNanos - lastPresentNanos > GONE_NANOS && nowNanos - lastFrameNanos > FORGET_NANOS;
  }

  /**
   * The driver is lost. What was not acknowledged comes again, from an inbox with another stream
   * id.
   */
  void onDisconnected() {
    dropAcks();
    ackStreamId = Aeron.NULL_VALUE;
  }

  private void grow() {
    long[] larger = new long[2 * acks.length];
    System.arraycopy(acks, firstAck, larger, 0, acks.length - firstAck);
    System.arraycopy(acks, 0, larger, acks.length - firstAck, firstAck);
    acks = larger;
    firstAck = 0;
  }

  private void dropAcks() {
    firstAck = 0;
    ackCount = 0;
  }
}
