package io.framepipeline.common.delivery;

import io.aeron.logbuffer.Header;
import io.framepipeline.common.metrics.Figure;
import io.framepipeline.common.metrics.Rejections;
import io.framepipeline.common.metrics.StageStats;
import io.framepipeline.common.topology.Stage;
import io.framepipeline.common.transport.DriverConnection;
import io.framepipeline.common.transport.FrameSlots;
import io.framepipeline.common.transport.Inbox;
import io.framepipeline.common.wire.MessageCheck;
import io.framepipeline.common.wire.RejectReason;
import io.framepipeline.common.wire.sbe.FrameBatchDecoder;
import io.framepipeline.common.wire.sbe.MessageHeaderDecoder;
import java.util.concurrent.TimeUnit;
import org.agrona.DirectBuffer;

/**
 * The inbox of a stage that computes. It checks each message. A message that is no batch for this
 * stage is counted and skipped. For a batch it finds the payloads.
 */
final class BatchInbox implements Inbox.Handler, AutoCloseable {
  /** Takes batches. */
  interface Handler {
    /**
     * Takes one batch.
     *
     * @param payloads the sender's slots, which may have been overwritten
     * @param sessionId of the sender's publication, for logs
     * @return how many frames the batch has, 0 if it is skipped; or {@link Inbox.Handler#ABORT} to
     *     get the same batch again in the next poll
     */
    int onBatch(FrameBatchDecoder batch, FrameSlots payloads, int sessionId);

    /** Whether batches may come. The inbox is opened then. */
    boolean isWarm();
  }

  /**
   * Bounds one poll. The position moves only at the end of a poll, and with it the room for
   * senders.
   */
  static final int POLL_FRAMES = 16;

  /** The live view looks several times a second. */
  private static final long COUNT_INTERVAL_NANOS = TimeUnit.MILLISECONDS.toNanos(250);

  private final StageStats stats;
  private final Rejections rejections;
  private final Handler handler;
  private final MessageCheck check;
  private final FrameBatchDecoder batch = new FrameBatchDecoder();
  private final Inbox inbox;
  private final Inbox.Handler frameCounter = this::frames;
  private long nowNanos;
  private long countedNanos;

  /** Begins to open the inbox. Polling continues the opening. */
  BatchInbox(
      DriverConnection connection, String channel, Stage stage, StageStats stats, Handler handler) {
    this.stats = stats;
    this.rejections = new Rejections(stats);
    this.handler = handler;
    this.check = MessageCheck.forFrames(stage.inputLength());
    int instanceId = (int) ProcessHandle.current().pid();
    this.inbox = Inbox.open(connection, channel, stage, instanceId);
  }

  /** Hands batches to the handler; returns how many frames they had. */
  int poll(long nowNanos) {
    this.nowNanos = nowNanos;
    if (!inbox.isOpen() && !handler.isWarm()) {
      return 0;
    }
    if (nowNanos - countedNanos >= COUNT_INTERVAL_NANOS) {
      countedNanos = nowNanos;
      stats.counter(Figure.INBOX_FRAMES).setOpaque(inbox.unreadFrames(frameCounter));
    }
    int frames = inbox.poll(this, POLL_FRAMES, nowNanos);
    if (frames > 0) {
      stats.counter(Figure.LAST_PROGRESS_EPOCH_MILLIS).setRelease(System.currentTimeMillis());
    }
    return frames;
  }

  @Override
  public int onMessage(DirectBuffer buffer, int offset, int length, Header header) {
    RejectReason reason = check.check(buffer, offset, length, header);
    if (reason != null) {
      reject(reason, header.sessionId());
      return 0;
    }
    FrameSlots payloads = inbox.slots(header);
    if (payloads == null) {
      return ABORT;
    }
    batch.wrap(
        buffer,
        offset + MessageHeaderDecoder.ENCODED_LENGTH,
        FrameBatchDecoder.BLOCK_LENGTH,
        FrameBatchDecoder.SCHEMA_VERSION);
    return handler.onBatch(batch, payloads, header.sessionId());
  }

  /** How many frames a message stands for. A message that is no batch counts as one. */
  private int frames(DirectBuffer buffer, int offset, int length, Header header) {
    if (check.check(buffer, offset, length, header) != null) {
      return 1;
    }
    batch.wrap(
        buffer,
        offset + MessageHeaderDecoder.ENCODED_LENGTH,
        FrameBatchDecoder.BLOCK_LENGTH,
        FrameBatchDecoder.SCHEMA_VERSION);
    return batch.frameCount();
  }

  /** Counts a message, or frames of one, that the handler skips. */
  void reject(RejectReason reason, int sessionId) {
    rejections.count(reason, sessionId, nowNanos);
  }

  boolean isOpen() {
    return inbox.isOpen();
  }

  void announceStop() {
    inbox.announceStop();
  }

  void leave(long nowNanos) {
    inbox.leave(nowNanos);
  }

  boolean isDrained(long nowNanos) {
    return inbox.isDrained(nowNanos);
  }

  /** Announces that everything this inbox was sent has been handed on. */
  void drained() {
    inbox.drained();
  }

  @Override
  public void close() {
    stats.counter(Figure.INBOX_FRAMES).setRelease(0);
    inbox.close();
  }
}
