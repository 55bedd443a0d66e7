package io.framepipeline.common.transport;

import io.aeron.logbuffer.BufferClaim;
import io.framepipeline.common.wire.sbe.FrameBatchEncoder;
import io.framepipeline.common.wire.sbe.MessageHeaderEncoder;

/**
 * Room for a batch at one receiver: slots for its payloads, and space in the log for its message.
 * Closing a claim that is not committed gives the space back. A claim left half-made would block
 * the receiver for ever.
 *
 * <p>A sender has one claim at a time, so one object serves for all of its claims.
 */
public final class FrameClaim implements AutoCloseable {
  private final BufferClaim claim = new BufferClaim();
  private final MessageHeaderEncoder messageHeader = new MessageHeaderEncoder();
  private final FrameBatchEncoder message = new FrameBatchEncoder();
  private final int payloadLength;
  private Outbox outbox;
  private long number;
  private boolean isOpen;

  FrameClaim(int payloadLength) {
    this.payloadLength = payloadLength;
  }

  /** Claims room at an inbox; returns whether there is any. */
  boolean tryClaim(Outbox outbox, int frames) {
    this.outbox = outbox;
    this.number = outbox.nextNumber();
    isOpen = outbox.tryClaimBatch(frames, claim);
    return isOpen;
  }

  /** The slots of payloads that go to this receiver alone. */
  public FrameSlots slots() {
    return outbox.slots();
  }

  /** The number, in {@link #slots}, of the batch's first payload. */
  public long number() {
    return number;
  }

  /** The registration id of the receiver's inbox. */
  public long inbox() {
    return outbox.inbox().registrationId();
  }

  /** The claimed space in the log. */
  BufferClaim space() {
    return claim;
  }

  /**
   * Writes the batch's message and hands it over. Its payloads must be complete.
   *
   * @param sequence of the first frame
   * @param originNanos when the frames were read
   * @param payloadNumber of the first payload
   * @param sourceId of the reader
   * @param answerStreamId the stream on which the reader takes answers
   * @param frameCount how many frames; not more than were claimed
   */
  public void commit(
      long sequence,
      long originNanos,
      long payloadNumber,
      int sourceId,
      int answerStreamId,
      int frameCount) {
    message
        .wrapAndApplyHeader(claim.buffer(), claim.offset(), messageHeader)
        .sequence(sequence)
        .originNanos(originNanos)
        .payloadNumber(payloadNumber)
        .sourceId(sourceId)
        .answerStreamId(answerStreamId)
        .payloadLength(payloadLength)
        .frameCount(frameCount);
    isOpen = false;
    claim.commit();
  }

  /** Gives the space back, unless the batch was handed over. */
  @Override
  public void close() {
    if (isOpen) {
      isOpen = false;
      claim.abort();
    }
  }
}
