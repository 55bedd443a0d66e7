package io.framepipeline.reciprocal;

import io.aeron.logbuffer.BufferClaim;
import io.aeron.logbuffer.ControlledFragmentHandler;
import io.aeron.logbuffer.Header;
import io.framepipeline.common.frame.FrameSlots;
import io.framepipeline.common.frame.Frames;
import io.framepipeline.common.frame.MessageCheck;
import io.framepipeline.common.frame.Verdict;
import io.framepipeline.common.frame.sbe.ByteFrameDecoder;
import io.framepipeline.common.frame.sbe.FloatFrameEncoder;
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
final class ReciprocalSession implements StageSession, ControlledFragmentHandler {
  /** Bounds one poll: the position, and with it the room for senders, moves at its end. */
  private static final int POLL_LIMIT = 16;

  private final DriverConnection connection;
  private final Channels channels;
  private final StageStats stats;
  private final Rejections rejections;
  private final Outboxes outboxes;

  private final MessageCheck check = MessageCheck.forByteFrames();
  private final ByteFrameDecoder in = new ByteFrameDecoder();
  private final FloatFrameEncoder out = new FloatFrameEncoder();
  private final MessageHeaderEncoder messageHeader = new MessageHeaderEncoder();
  private final BufferClaim claim = new BufferClaim();

  /** Null until there is a norm to send to: whoever cannot pass frames on must not take any. */
  private Inbox inbox;

  private long nowNanos;
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
    int changes = outboxes.doWork(nowNanos);
    if (changes > 0) {
      int connected = outboxes.connectedCount();
      stats.downstreamInstances.setRelease(connected);
      stats.ready.setRelease(connected > 0 ? 1 : 0);
      if (connected > 0 && inbox == null && !isLeaving) {
        int instanceId = (int) ProcessHandle.current().pid();
        inbox = Inbox.open(connection, channels.frames(), Stage.RECIPROCAL, instanceId);
      }
    }
    if (inbox == null) {
      return changes;
    }
    int polled = inbox.poll(this, POLL_LIMIT, nowNanos);
    if (polled > 0) {
      stats.lastProgressEpochMillis.setRelease(System.currentTimeMillis());
    }
    return changes + polled;
  }

  /** Aborts the poll, to meet the same frame again, while every norm's inbox is full. */
  @Override
  public Action onFragment(DirectBuffer buffer, int offset, int length, Header header) {
    Verdict verdict = check.check(buffer, offset, length, header);
    if (verdict != Verdict.ACCEPTED) {
      rejections.count(verdict, header.sessionId(), nowNanos);
      return Action.CONTINUE;
    }
    if (!outboxes.tryClaim(claim)) {
      if (outboxes.connectedCount() > 0) {
        stats.backpressure.incrementRelease();
      }
      return Action.ABORT;
    }
    boolean isWritten = false;
    try {
      isWritten = transform(buffer, offset, inbox.slots(header));
    } finally {
      // A claim that is neither committed nor aborted would block the inbox for ever.
      if (isWritten) {
        claim.commit();
      } else {
        claim.abort();
      }
    }
    if (isWritten) {
      stats.messages(verdict).incrementRelease();
      stats.framesTransformed.incrementRelease();
    } else {
      rejections.count(Verdict.GONE, header.sessionId(), nowNanos);
    }
    return Action.CONTINUE;
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

  /** Returns whether the bytes were there to the end. */
  private boolean transform(DirectBuffer buffer, int offset, FrameSlots bytes) {
    in.wrap(
        buffer,
        offset + MessageHeaderDecoder.ENCODED_LENGTH,
        ByteFrameDecoder.BLOCK_LENGTH,
        ByteFrameDecoder.SCHEMA_VERSION);
    long sequence = in.sequence();
    FrameSlots floats = outboxes.claimedSlots();
    long number = outboxes.claimedNumber();
    floats.beginWriting(number);
    ReciprocalKernel.apply(
        bytes.buffer(), bytes.offset(sequence), floats.buffer(), floats.offset(number));
    floats.written(number);
    out.wrapAndApplyHeader(claim.buffer(), claim.offset(), messageHeader)
        .sequence(sequence)
        .originNanos(in.originNanos())
        .sourceId(in.sourceId())
        .ackStreamId(in.ackStreamId());
    return bytes.isStill(sequence);
  }
}
