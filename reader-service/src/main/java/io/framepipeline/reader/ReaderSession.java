package io.framepipeline.reader;

import io.aeron.logbuffer.Header;
import io.framepipeline.common.metrics.Figure;
import io.framepipeline.common.metrics.Rejections;
import io.framepipeline.common.metrics.StageStats;
import io.framepipeline.common.service.StageSession;
import io.framepipeline.common.topology.Stage;
import io.framepipeline.common.transport.Channels;
import io.framepipeline.common.transport.Doorbells;
import io.framepipeline.common.transport.DriverConnection;
import io.framepipeline.common.transport.FrameClaim;
import io.framepipeline.common.transport.Inbox;
import io.framepipeline.common.transport.InboxWatch;
import io.framepipeline.common.transport.Outboxes;
import io.framepipeline.common.transport.Payloads;
import io.framepipeline.common.wire.MessageCheck;
import io.framepipeline.common.wire.RejectReason;
import io.framepipeline.common.wire.sbe.MessageHeaderDecoder;
import io.framepipeline.common.wire.sbe.NormsDecoder;
import java.util.ArrayList;
import java.util.List;
import org.agrona.CloseHelper;
import org.agrona.DirectBuffer;

/** Sends frames to the reciprocals and takes their norms, while a driver is connected. */
final class ReaderSession implements StageSession, Inbox.Handler {
  /** Bounds one duty cycle, so that sending and taking answers alternate. */
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

  /** One for each stage after the next one. */
  private final List<InboxWatch> laterInboxes = new ArrayList<>();

  private final Doorbells doorbells;

  private final MessageCheck check = MessageCheck.forNorms();
  private final NormsDecoder norms = new NormsDecoder();
  private long nowNanos;
  private boolean isHeldBack;
  private boolean isDone;

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
    this.inbox = Inbox.open(connection, channels.answers(), Stage.first(), sourceId);
    this.outboxes =
        new Outboxes(
            connection,
            channels.frames(),
            payloads,
            Stage.first().next(),
            lossDetector.ofNextStage());
    for (Stage later : Stage.first().next().downstream()) {
      laterInboxes.add(new InboxWatch(connection, later, lossDetector.ofLaterStage()));
    }
    this.doorbells = connection.doorbells();
    source.onPublished(prompt);
  }

  @Override
  public int doWork(long nowNanos) {
    this.nowNanos = nowNanos;
    isHeldBack = frames.isFull();
    if (isHeldBack() || source.hasEnded()) {
      // Before the poll: a norm that has not seen this yet does not wake this reader, but the poll
      // finds its answers.
      doorbells.wantAnswers();
    }
    long acknowledgedBefore = frames.acknowledged();
    int answers = inbox.poll(this, ANSWER_LIMIT, nowNanos);
    frames.closeFrames();
    boolean isAcknowledged = frames.acknowledged() > acknowledgedBefore;
    lossDetector.doWork(nowNanos);
    // Asked first, so that what was published before the end is taken over.
    boolean hasSourceEnded = source.hasEnded();
    int taken = frames.takeOver();
    // Frames cannot be answered before the inbox is open, so none is sent.
    int sent = inbox.isOpen() ? send() : 0;
    int changes = outboxes.doWork(nowNanos);
    for (int i = 0, size = laterInboxes.size(); i < size; i++) {
      changes += laterInboxes.get(i).doWork(nowNanos);
    }
    if (changes > 0) {
      int connected = outboxes.connectedCount();
      stats.counter(Figure.DOWNSTREAM_INSTANCES).setRelease(connected);
      stats.counter(Figure.READY).setRelease(connected > 0 ? 1 : 0);
      if (connected > 0) {
        // Not earlier, because a frame's age starts when it is read.
        source.start();
      }
    }

    if (stats.counter(Figure.FIRST_READ_NANOS).getPlain() == 0 && frames.read() > frames.first()) {
      stats.counter(Figure.FIRST_READ_NANOS).setRelease(frames.originNanos(frames.first()));
    }
    if (isAcknowledged) {
      stats.counter(Figure.LAST_COMPLETED_NANOS).setRelease(nowNanos);
    }
    if (isAcknowledged || taken + sent > 0) {
      stats.counter(Figure.LAST_PROGRESS_EPOCH_MILLIS).setRelease(System.currentTimeMillis());
    }
    publishLedger();
    isDone = (results != null && results.hasFailed()) || (hasSourceEnded && frames.inFlight() == 0);
    return answers + changes + sent;
  }

  /** Reads each message, or counts and skips it. This inbox never pushes back. */
  @Override
  public int onMessage(DirectBuffer buffer, int offset, int length, Header header) {
    RejectReason reason = check.check(buffer, offset, length, header);
    if (reason != null) {
      rejections.count(reason, header.sessionId(), nowNanos);
      return 0;
    }
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
  public boolean isHeldBack() {
    return isHeldBack;
  }

  @Override
  public void announceStop() {
    inbox.announceStop();
  }

  @Override
  public void leave(long nowNanos) {
    // The source is stopped. The inbox stays open for answers to frames in flight.
  }

  @Override
  public boolean isDone() {
    return isDone;
  }

  @Override
  public void close() {
    frames.expireEverything();
    publishLedger();
    stats.counter(Figure.DOWNSTREAM_INSTANCES).setRelease(0);
    CloseHelper.closeAll(outboxes, inbox);
  }

  private void onNorm(long sequence, double norm) {
    if (frames.answered(sequence, norm)) {
      lossDetector.onAnswered(frames.sentNanos(sequence), nowNanos);
    }
  }

  private int send() {
    int sent = 0;
    while (sent < SEND_LIMIT) {
      long sequence = frames.nextToSend();
      if (sequence < 0) {
        break;
      }
      int frameCount = frames.batchLength(sequence);
      try (FrameClaim claim = outboxes.tryClaimBatch(frameCount, frames.inboxToAvoid(sequence))) {
        if (claim == null) {
          isHeldBack = true;
          if (outboxes.connectedCount() > 0) {
            stats.counter(Figure.BACKPRESSURE).incrementRelease();
          }
          break;
        }
        commit(claim, sequence, frameCount);
      }
      sent += frameCount;
    }
    return sent;
  }

  /** The payloads stay where the reading thread wrote them. */
  private void commit(FrameClaim claim, long sequence, int frameCount) {
    claim.commit(
        sequence,
        frames.originNanos(sequence),
        frames.payloadNumber(sequence),
        sourceId,
        inbox.streamId(),
        frameCount);
    for (int i = 0; i < frameCount; i++) {
      frames.sent(sequence + i, claim.inbox(), nowNanos);
    }
  }

  private void publishLedger() {
    stats.counter(Figure.FRAMES_DUPLICATE).setRelease(frames.duplicates());
    stats.counter(Figure.RESULTS_WAITING_FRAMES).setRelease(frames.unwritten());
    frames.publish(stats.ledger);
  }
}
