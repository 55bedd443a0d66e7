package io.framepipeline.reader;

import io.aeron.logbuffer.BufferClaim;
import io.aeron.logbuffer.ControlledFragmentHandler;
import io.aeron.logbuffer.Header;
import io.framepipeline.common.frame.MessageCheck;
import io.framepipeline.common.frame.Verdict;
import io.framepipeline.common.frame.sbe.AckDecoder;
import io.framepipeline.common.frame.sbe.ByteFrameEncoder;
import io.framepipeline.common.frame.sbe.MessageHeaderDecoder;
import io.framepipeline.common.frame.sbe.MessageHeaderEncoder;
import io.framepipeline.common.metrics.Rejections;
import io.framepipeline.common.metrics.StageStats;
import io.framepipeline.common.service.StageSession;
import io.framepipeline.common.transport.Channels;
import io.framepipeline.common.transport.DriverConnection;
import io.framepipeline.common.transport.Inbox;
import io.framepipeline.common.transport.InboxWatch;
import io.framepipeline.common.transport.Outboxes;
import io.framepipeline.common.transport.Payloads;
import io.framepipeline.common.transport.Stage;
import org.agrona.CloseHelper;
import org.agrona.DirectBuffer;

/**
 * Sends retained frames to the reciprocals and takes acknowledgements, while a driver is connected.
 */
final class ReaderSession implements StageSession, ControlledFragmentHandler {
  /** Bounds one duty cycle, so that sending and acknowledging take turns. */
  private static final int SEND_LIMIT = 32;

  private static final int ACK_MESSAGE_LIMIT = 16;

  private final int sourceId;
  private final RetainedFrames frames;
  private final SourceReader source;
  private final StageStats stats;
  private final Rejections rejections;
  private final LossDetector lossDetector;
  private final Inbox inbox;
  private final Outboxes outboxes;
  private final InboxWatch norms;

  private final MessageCheck check = MessageCheck.forAcks();
  private final AckDecoder ack = new AckDecoder();
  private final MessageHeaderEncoder messageHeader = new MessageHeaderEncoder();
  private final ByteFrameEncoder frame = new ByteFrameEncoder();
  private final BufferClaim claim = new BufferClaim();
  private long nowNanos;

  ReaderSession(
      DriverConnection connection,
      Channels channels,
      Payloads payloads,
      int sourceId,
      RetainedFrames frames,
      SourceReader source,
      StageStats stats) {
    this.sourceId = sourceId;
    this.frames = frames;
    this.source = source;
    this.stats = stats;
    this.rejections = new Rejections(stats);
    this.lossDetector =
        new LossDetector(frames, connection.aeron().context().nanoClock().nanoTime());
    this.inbox = Inbox.open(connection, channels.acks(), Stage.READER, sourceId);
    this.outboxes =
        new Outboxes(
            connection,
            channels.frames(),
            payloads,
            Stage.RECIPROCAL,
            lossDetector.ofReciprocals());
    this.norms = new InboxWatch(connection, Stage.NORM, lossDetector.ofNorms());
    source.onPublished(connection.doorbells()::ringOwn);
  }

  @Override
  public int doWork(long nowNanos) {
    this.nowNanos = nowNanos;
    long acknowledgedBefore = frames.acknowledged();
    int messages = inbox.poll(this, ACK_MESSAGE_LIMIT, nowNanos);
    boolean isAcknowledged = frames.acknowledged() > acknowledgedBefore;
    lossDetector.doWork(nowNanos);
    int changes = outboxes.doWork(nowNanos) + norms.doWork(nowNanos);
    if (changes > 0) {
      int connected = outboxes.connectedCount();
      stats.downstreamInstances.setRelease(connected);
      stats.ready.setRelease(connected > 0 ? 1 : 0);
      if (connected > 0) {
        // Not before: a frame's age starts with its reading.
        source.start();
      }
    }
    int taken = frames.takeOver();
    // What cannot be acknowledged is not to be sent yet.
    int sent = inbox.isOpen() ? send() : 0;

    if (stats.firstReadNanos.getPlain() == 0 && frames.read() > 0) {
      stats.firstReadNanos.setRelease(frames.originNanos(0));
    }
    if (isAcknowledged) {
      stats.lastAckNanos.setRelease(nowNanos);
    }
    if (isAcknowledged || taken + sent > 0) {
      stats.lastProgressEpochMillis.setRelease(System.currentTimeMillis());
    }
    publishLedger();
    return messages + changes + sent;
  }

  /** Each message is read, or counted and skipped; this inbox never pushes back. */
  @Override
  public Action onFragment(DirectBuffer buffer, int offset, int length, Header header) {
    Verdict verdict = check.check(buffer, offset, length, header);
    if (verdict != Verdict.ACCEPTED) {
      rejections.count(verdict, header.sessionId(), nowNanos);
    } else {
      stats.messages(verdict).incrementRelease();
      ack.wrap(
          buffer,
          offset + MessageHeaderDecoder.ENCODED_LENGTH,
          AckDecoder.BLOCK_LENGTH,
          AckDecoder.SCHEMA_VERSION);
      if (ack.sourceId() == sourceId) {
        AckDecoder.FramesDecoder sequences = ack.frames();
        while (sequences.hasNext()) {
          acknowledge(sequences.next().sequence());
        }
      }
    }
    return Action.CONTINUE;
  }

  @Override
  public void leave(long nowNanos) {
    // The source is stopped; the inbox stays open for what is in flight.
  }

  @Override
  public boolean isDone(long nowNanos) {
    return source.hasEnded() && frames.takeOver() == 0 && frames.inFlight() == 0;
  }

  @Override
  public void close() {
    frames.everythingSentLost();
    publishLedger();
    stats.downstreamInstances.setRelease(0);
    CloseHelper.closeAll(outboxes, inbox);
  }

  private void acknowledge(long sequence) {
    if (frames.acknowledge(sequence)) {
      lossDetector.onAcknowledged(frames.sentNanos(sequence), nowNanos);
    }
  }

  private int send() {
    int sent = 0;
    while (sent < SEND_LIMIT) {
      long sequence = frames.nextToSend();
      if (sequence < 0) {
        break;
      }
      if (!outboxes.tryClaim(claim)) {
        if (outboxes.connectedCount() > 0) {
          stats.backpressure.incrementRelease();
        }
        break;
      }
      boolean isWritten = false;
      try {
        write(sequence);
        isWritten = true;
      } finally {
        // A claim that is neither committed nor aborted would block the inbox for ever.
        if (isWritten) {
          claim.commit();
        } else {
          claim.abort();
        }
      }
      frames.sent(sequence, outboxes.claimedInbox(), nowNanos);
      sent++;
    }
    return sent;
  }

  /** The payload stays where the source wrote it. */
  private void write(long sequence) {
    frame
        .wrapAndApplyHeader(claim.buffer(), claim.offset(), messageHeader)
        .sequence(sequence)
        .originNanos(frames.originNanos(sequence))
        .sourceId(sourceId)
        .ackStreamId(inbox.streamId());
  }

  private void publishLedger() {
    stats.ledger.write(
        frames.read(),
        frames.acknowledged(),
        frames.inFlight(),
        frames.abandoned(),
        frames.redelivered());
  }
}
