package io.framepipeline.common.delivery;

import io.framepipeline.common.kernel.Kernel;
import io.framepipeline.common.metrics.Figure;
import io.framepipeline.common.metrics.StageStats;
import io.framepipeline.common.service.ServiceRunner;
import io.framepipeline.common.service.StageSession;
import io.framepipeline.common.topology.Stage;
import io.framepipeline.common.transport.Channels;
import io.framepipeline.common.transport.DriverConnection;
import io.framepipeline.common.transport.FrameClaim;
import io.framepipeline.common.transport.FrameSlots;
import io.framepipeline.common.transport.Inbox;
import io.framepipeline.common.transport.InboxWatch;
import io.framepipeline.common.transport.Outboxes;
import io.framepipeline.common.transport.SlotFile;
import io.framepipeline.common.wire.RejectReason;
import io.framepipeline.common.wire.sbe.FrameBatchDecoder;
import java.util.function.Supplier;
import org.agrona.CloseHelper;

/**
 * A middle stage, while it is connected to one media driver. It computes from the sender's slots
 * straight into the slots for the next stage. So it copies nothing and keeps nothing. A frame is
 * consumed only after its result is committed.
 */
public final class TransformStage implements StageSession, BatchInbox.Handler {
  private final Stage stage;
  private final Kernel kernel;
  private final DriverConnection connection;
  private final Channels channels;
  private final StageStats stats;
  private final Outboxes outboxes;

  /**
   * Null until an inbox of the next stage is connected: a stage that cannot pass frames on must not
   * take any.
   */
  private BatchInbox inbox;

  private boolean isReady;
  private boolean isHeldBack;
  private boolean isStopping;
  private boolean isLeaving;
  private boolean isDone;

  /** Begins to work. Services call {@link #run}. */
  public TransformStage(
      Stage stage,
      Kernel kernel,
      DriverConnection connection,
      Channels channels,
      StageStats stats) {
    this.stage = stage;
    this.kernel = kernel;
    this.connection = connection;
    this.channels = channels;
    this.stats = stats;
    // The readers redeliver what dies with an instance of the next stage, so this listener does
    // nothing.
    this.outboxes =
        new Outboxes(
            connection,
            channels.frames(),
            path -> SlotFile.create(path, Outboxes.WINDOW_FRAMES, stage.outputLength()),
            stage.next(),
            new InboxWatch.Listener() {});
  }

  /**
   * Runs an instance of a middle stage until it is told to stop: the whole {@code main} of its
   * service.
   *
   * @param kernel makes the kernel, once
   * @return the process's exit code
   */
  public static int run(Stage stage, Supplier<Kernel> kernel) {
    return ServiceRunner.run(
        stage,
        (settings, common, stats) -> {
          Kernel made = kernel.get();
          return (connection, prompt) ->
              new TransformStage(stage, made, connection, common.channels(), stats);
        });
  }

  @Override
  public int doWork(long nowNanos) {
    isHeldBack = false;
    int polled = inbox == null ? 0 : inbox.poll(nowNanos);
    int changes = outboxes.doWork(nowNanos);
    if (changes > 0) {
      onDownstreamChange(outboxes.connectedCount());
    }
    boolean takesFrames = outboxes.connectedCount() > 0 && inbox != null && inbox.isOpen();
    if (takesFrames != isReady) {
      isReady = takesFrames;
      stats.counter(Figure.READY).setRelease(isReady ? 1 : 0);
    }
    if (isLeaving && !isDone && isDrained(nowNanos)) {
      isDone = true;
      if (inbox != null) {
        inbox.drained();
      }
    }
    return polled + changes;
  }

  /**
   * Aborts while every inbox of the next stage is full. The next poll then returns the same batch.
   */
  @Override
  public int onBatch(FrameBatchDecoder batch, FrameSlots payloads, int sessionId) {
    int frameCount = batch.frameCount();
    int goneCount;
    try (FrameClaim claim = outboxes.tryClaimBatch(frameCount)) {
      if (claim == null) {
        isHeldBack = true;
        if (outboxes.connectedCount() > 0) {
          stats.counter(Figure.BACKPRESSURE).incrementRelease();
        }
        return Inbox.Handler.ABORT;
      }
      goneCount = transform(batch, payloads, claim);
    }
    if (goneCount > 0) {
      inbox.reject(RejectReason.GONE, sessionId);
    }
    stats.counter(Figure.FRAMES_TRANSFORMED).getAndAddRelease(frameCount - goneCount);
    return frameCount;
  }

  @Override
  public boolean isWarm() {
    return kernel.isWarm();
  }

  @Override
  public boolean isHeldBack() {
    return isHeldBack;
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
  public boolean isDone() {
    return isDone;
  }

  @Override
  public void close() {
    stats.counter(Figure.DOWNSTREAM_INSTANCES).setRelease(0);
    CloseHelper.closeAll(outboxes, inbox);
  }

  /**
   * The next stage must have read everything: its payloads are in the slots, which end with this
   * session.
   */
  private boolean isDrained(long nowNanos) {
    return inbox == null || (inbox.isDrained(nowNanos) && outboxes.isRead());
  }

  private void onDownstreamChange(int connected) {
    stats.counter(Figure.DOWNSTREAM_INSTANCES).setRelease(connected);
    if (connected > 0 && inbox == null && !isLeaving) {
      inbox = new BatchInbox(connection, channels.frames(), stage, stats, this);
      if (isStopping) {
        inbox.announceStop();
      }
    }
  }

  /**
   * Computes a batch and hands the results over.
   *
   * @return how many of the first frames are left out: those up to the last one whose payload was
   *     overwritten
   */
  private int transform(FrameBatchDecoder batch, FrameSlots in, FrameClaim claim) {
    FrameSlots out = claim.slots();
    int frameCount = batch.frameCount();
    long from = batch.payloadNumber();
    long to = claim.number();
    int goneCount = 0;
    for (int i = 0; i < frameCount; i++) {
      out.beginWriting(to + i);
      kernel.apply(in.buffer(), in.offset(from + i), out.buffer(), out.offset(to + i));
      out.written(to + i);
      if (!in.isStill(from + i)) {
        goneCount = i + 1;
      }
    }
    if (goneCount < frameCount) {
      claim.commit(
          batch.sequence() + goneCount,
          batch.originNanos(),
          to + goneCount,
          batch.sourceId(),
          batch.answerStreamId(),
          frameCount - goneCount);
    }
    return goneCount;
  }
}
