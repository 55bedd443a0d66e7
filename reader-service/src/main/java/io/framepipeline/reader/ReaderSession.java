package io.framepipeline.reader;

import io.aeron.logbuffer.BufferClaim;
import io.aeron.logbuffer.Header;
import io.framepipeline.common.frame.MessageCheck;
import io.framepipeline.common.frame.Verdict;
import io.framepipeline.common.frame.sbe.ByteFramesEncoder;
import io.framepipeline.common.frame.sbe.MessageHeaderDecoder;
import io.framepipeline.common.frame.sbe.MessageHeaderEncoder;
import io.framepipeline.common.frame.sbe.NormsDecoder;
import io.framepipeline.common.metrics.Rejections;
import io.framepipeline.common.metrics.StageStats;
import io.framepipeline.common.service.StageSession;
import io.framepipeline.common.transport.Channels;
import io.framepipeline.common.transport.Doorbells;
import io.framepipeline.common.transport.DriverConnection;
import io.framepipeline.common.transport.Inbox;
import io.framepipeline.common.transport.InboxWatch;
import io.framepipeline.common.transport.Outboxes;
import io.framepipeline.common.transport.Payloads;
import io.framepipeline.common.transport.Stage;
import org.agrona.CloseHelper;
import org.agrona.DirectBuffer;

/** Sends retained frames to the reciprocals and takes their norms, while a driver is connected. */
final class ReaderSession implements StageSession, Inbox.Handler {
  /** Bounds one duty cycle, so that sending and taking answers take turns. */
  private static final int SEND_LIMIT = 32;

  private static final int ANSWER_LIMIT = 1024;

  private final int sourceId;
  private final RetainedFrames frames;
  private final SourceReader source;
  private final ResultsWriter results;
  private final StageStats stats;
  private final Rejections rejections;
  private final LossDetector lossDetector;
  private final Inbox inbox;
  private final Outboxes outboxes;
  private final InboxWatch normInboxes;
  private final Doorbells doorbells;

  private final MessageCheck check = MessageCheck.forNorms();
  private final NormsDecoder norms = new NormsDecoder();
  private final MessageHeaderEncoder messageHeader = new MessageHeaderEncoder();
  private final ByteFramesEncoder run = new ByteFramesEncoder();
  private final BufferClaim claim = new BufferClaim();
  private long nowNanos;

  /**
   * @param results null if norms are not written
   */
  ReaderSession(
      DriverConnection connection,
      Runnable prompt,
      Channels channels,
      Payloads payloads,
      int sourceId,
      RetainedFrames frames,
      SourceReader source,
      ResultsWriter results,
      StageStats stats) {
    this.sourceId = sourceId;
    this.frames = frames;
    this.source = source;
    this.results = results;
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
    this.normInboxes = new InboxWatch(connection, Stage.NORM, lossDetector.ofNorms());
    this.doorbells = connection.doorbells();
    source.onPublished(prompt);
  }

  @Override
  public int doWork(long nowNanos) {
    this.nowNanos = nowNanos;
    if (frames.isFull() || source.hasEnded()) {
      // Before the poll, which finds those whose senders have not seen it yet.
      doorbells.wantAcks();
    }
    long acknowledgedBefore = frames.acknowledged();
    int answers = inbox.poll(this, ANSWER_LIMIT, nowNanos);
    frames.takeWritten();
    boolean isAcknowledged = frames.acknowledged() > acknowledgedBefore;
    lossDetector.doWork(nowNanos);
    int taken = frames.takeOver();
    // What cannot be answered is not to be sent yet.
    int sent = inbox.isOpen() ? send() : 0;
    int changes = outboxes.doWork(nowNanos) + normInboxes.doWork(nowNanos);
    if (changes > 0) {
      int connected = outboxes.connectedCount();
      stats.downstreamInstances.setRelease(connected);
      stats.ready.setRelease(connected > 0 ? 1 : 0);
      if (connected > 0) {
        // Not before: a frame's age starts with its reading.
        source.start();
      }
    }

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
    return answers + changes + sent;
  }

  /** Each message is read, or counted and skipped; this inbox never pushes back. */
  @Override
  public int onMessage(DirectBuffer buffer, int offset, int length, Header header) {
    Verdict verdict = check.check(buffer, offset, length, header);
    if (verdict != Verdict.ACCEPTED) {
      rejections.count(verdict, header.sessionId(), nowNanos);
      return 0;
    }
    stats.messages(verdict).incrementRelease();
    norms.wrap(
        buffer,
        offset + MessageHeaderDecoder.ENCODED_LENGTH,
        NormsDecoder.BLOCK_LENGTH,
        NormsDecoder.SCHEMA_VERSION);
    NormsDecoder.AnswersDecoder answers = norms.answers();
    if (norms.sourceId() == sourceId) {
      while (answers.hasNext()) {
        answers.next();
        onNorm(answers.sequence(), answers.norm());
      }
    }
    return answers.count();
  }

  @Override
  public void announceStop() {
    inbox.announceStop();
  }

  @Override
  public void leave(long nowNanos) {
    // The source is stopped; the inbox stays open for what is in flight.
  }

  @Override
  public boolean isDone(long nowNanos) {
    return (results != null && results.hasFailed())
        || (source.hasEnded() && frames.takeOver() == 0 && frames.inFlight() == 0);
  }

  @Override
  public void close() {
    frames.everythingSentLost();
    publishLedger();
    stats.downstreamInstances.setRelease(0);
    CloseHelper.closeAll(outboxes, inbox);
  }

  private void onNorm(long sequence, double norm) {
    if (frames.answered(sequence, norm)) {
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
      int frameCount = frames.runLength(sequence);
      if (!outboxes.tryClaimRun(frameCount, frames.inboxToAvoid(sequence), claim)) {
        if (outboxes.connectedCount() > 0) {
          stats.backpressure.incrementRelease();
        }
        break;
      }
      boolean isWritten = false;
      try {
        write(sequence, frameCount);
        isWritten = true;
      } finally {
        // A claim that is neither committed nor aborted would block the inbox for ever.
        if (isWritten) {
          claim.commit();
        } else {
          claim.abort();
        }
      }
      for (int i = 0; i < frameCount; i++) {
        frames.sent(sequence + i, outboxes.claimedInbox(), nowNanos);
      }
      sent += frameCount;
    }
    return sent;
  }

  /** The payloads stay where the source wrote them. */
  private void write(long sequence, int frameCount) {
    run.wrapAndApplyHeader(claim.buffer(), claim.offset(), messageHeader)
        .sequence(sequence)
        .originNanos(frames.originNanos(sequence))
        .payloadNumber(frames.payloadNumber(sequence))
        .sourceId(sourceId)
        .answerStreamId(inbox.streamId())
        .frameCount(frameCount);
  }

  private void publishLedger() {
    stats.framesDuplicate.setRelease(frames.duplicates());
    stats.resultsWaiting.setRelease(frames.unwritten());
    stats.ledger.write(
        frames.read(),
        frames.acknowledged(),
        frames.inFlight(),
        frames.abandoned(),
        frames.redelivered());
  }
}
