package io.framepipeline.reciprocal;

import io.aeron.logbuffer.BufferClaim;
import io.aeron.logbuffer.Header;
import io.framepipeline.common.frame.FrameSlots;
import io.framepipeline.common.frame.Frames;
import io.framepipeline.common.frame.MessageCheck;
import io.framepipeline.common.frame.Verdict;
import io.framepipeline.common.frame.sbe.ByteFramesDecoder;
import io.framepipeline.common.frame.sbe.FloatFramesEncoder;
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
import io.framepipeline.common.transport.SlotFile;
import io.framepipeline.common.transport.Stage;
import java.io.IOException;
import java.nio.file.Path;
import org.agrona.CloseHelper;
import org.agrona.DirectBuffer;

/**
 * Computes from a reader's slots straight into those for a norm: no copy, and nothing kept. A frame
 * is consumed only after its reciprocals are committed.
 */
final class ReciprocalSession implements StageSession, Inbox.Handler {
  /** Bounds one poll: the position, and with it the room for senders, moves at its end. */
  private static final int POLL_FRAMES = 16;

  private final DriverConnection connection;
  private final Channels channels;
  private final StageStats stats;
  private final Rejections rejections;
  private final Outboxes outboxes;

  private final MessageCheck check = MessageCheck.forByteFrames();
  private final ByteFramesDecoder in = new ByteFramesDecoder();
  private final FloatFramesEncoder out = new FloatFramesEncoder();
  private final MessageHeaderEncoder messageHeader = new MessageHeaderEncoder();
  private final BufferClaim claim = new BufferClaim();

  /** Null until there is a norm to send to: whoever cannot pass frames on must not take any. */
  private Inbox inbox;

  private long nowNanos;
  private boolean isStopping;
  private boolean isLeaving;
  private boolean isInboxDrained;

  ReciprocalSession(DriverConnection connection, Channels channels, StageStats stats) {
    this.connection = connection;
    this.channels = channels;
    this.stats = stats;
    this.rejections = new Rejections(stats);
    // What is lost with a norm is the readers' to repeat, so nothing listens here.
    this.outboxes =
        new Outboxes(
            connection,
            channels.frames(),
            ReciprocalSession::createSlots,
            Stage.NORM,
            new InboxWatch.Listener() {});
  }

  @Override
  public int doWork(long nowNanos) {
    this.nowNanos = nowNanos;
    int polled = inbox == null ? 0 : inbox.poll(this, POLL_FRAMES, nowNanos);
    if (polled > 0) {
      stats.lastProgressEpochMillis.setRelease(System.currentTimeMillis());
    }
    int changes = outboxes.doWork(nowNanos);
    if (changes > 0) {
      int connected = outboxes.connectedCount();
      stats.downstreamInstances.setRelease(connected);
      stats.ready.setRelease(connected > 0 ? 1 : 0);
      if (connected > 0 && inbox == null && !isLeaving) {
        int instanceId = (int) ProcessHandle.current().pid();
        inbox = Inbox.open(connection, channels.frames(), Stage.RECIPROCAL, instanceId);
        if (isStopping) {
          inbox.announceStop();
        }
      }
    }
    return polled + changes;
  }

  /**
   * Aborts the poll, to meet the same frames again, while every norm's inbox is full or their bytes
   * cannot be mapped.
   */
  @Override
  public int onMessage(DirectBuffer buffer, int offset, int length, Header header) {
    Verdict verdict = check.check(buffer, offset, length, header);
    if (verdict != Verdict.ACCEPTED) {
      rejections.count(verdict, header.sessionId(), nowNanos);
      return 0;
    }
    in.wrap(
        buffer,
        offset + MessageHeaderDecoder.ENCODED_LENGTH,
        ByteFramesDecoder.BLOCK_LENGTH,
        ByteFramesDecoder.SCHEMA_VERSION);
    FrameSlots bytes = inbox.slots(header);
    if (bytes == null) {
      return ABORT;
    }
    int frameCount = in.frameCount();
    if (!outboxes.tryClaimRun(frameCount, claim)) {
      if (outboxes.connectedCount() > 0) {
        stats.backpressure.incrementRelease();
      }
      return ABORT;
    }
    int goneCount = frameCount;
    try {
      goneCount = transform(frameCount, bytes);
    } finally {
      // A claim that is neither committed nor aborted would block the inbox for ever.
      if (goneCount < frameCount) {
        claim.commit();
      } else {
        claim.abort();
      }
    }
    if (goneCount > 0) {
      rejections.count(Verdict.GONE, header.sessionId(), nowNanos);
    } else {
      stats.messages(verdict).incrementRelease();
    }
    stats.framesTransformed.getAndAddRelease(frameCount - goneCount);
    return frameCount;
  }

  @Override
  public void announceStop() {
    isStopping = true;
    if (inbox != null) {
      inbox.announceStop();
    }
  }

  @Override
  public void leave(long nowNanos) {
    isLeaving = true;
    if (inbox != null) {
      inbox.leave(nowNanos);
    }
  }

  @Override
  public boolean isDone(long nowNanos) {
    if (inbox == null) {
      return isLeaving;
    }
    // What is not read yet lies in the slots, which end with this session.
    if (!isInboxDrained && inbox.isDrained(nowNanos) && outboxes.isRead()) {
      isInboxDrained = true;
      inbox.drained();
    }
    return isInboxDrained;
  }

  @Override
  public void close() {
    stats.downstreamInstances.setRelease(0);
    CloseHelper.closeAll(outboxes, inbox);
  }

  private static SlotFile createSlots(Path path) throws IOException {
    return SlotFile.create(path, Outboxes.WINDOW_FRAMES, Frames.FLOAT_PAYLOAD_LENGTH);
  }

  /**
   * Computes what the message speaks for, and writes the message that speaks for the results.
   *
   * @return how many of the first frames are left out, since their bytes were not there to the end:
   *     a reader writes over its frames in order
   */
  private int transform(int frameCount, FrameSlots bytes) {
    FrameSlots floats = outboxes.claimedSlots();
    long from = in.payloadNumber();
    long to = outboxes.claimedNumber();
    int goneCount = 0;
    for (int i = 0; i < frameCount; i++) {
      floats.beginWriting(to + i);
      ReciprocalKernel.apply(
          bytes.buffer(), bytes.offset(from + i), floats.buffer(), floats.offset(to + i));
      floats.written(to + i);
      if (!bytes.isStill(from + i)) {
        goneCount = i + 1;
      }
    }
    out.wrapAndApplyHeader(claim.buffer(), claim.offset(), messageHeader)
        .sequence(in.sequence() + goneCount)
        .originNanos(in.originNanos())
        .payloadNumber(to + goneCount)
        .sourceId(in.sourceId())
        .answerStreamId(in.answerStreamId())
        .frameCount(frameCount - goneCount);
    return goneCount;
  }
}
