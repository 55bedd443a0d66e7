package io.framepipeline.common.delivery;

import io.framepipeline.common.kernel.ScalarKernel;
import io.framepipeline.common.metrics.Figure;
import io.framepipeline.common.metrics.StageStats;
import io.framepipeline.common.service.ServiceRunner;
import io.framepipeline.common.service.StageSession;
import io.framepipeline.common.topology.Stage;
import io.framepipeline.common.transport.Channels;
import io.framepipeline.common.transport.DriverConnection;
import io.framepipeline.common.transport.FrameSlots;
import io.framepipeline.common.transport.Inbox;
import io.framepipeline.common.wire.RejectReason;
import io.framepipeline.common.wire.sbe.FrameBatchDecoder;
import java.util.function.Supplier;
import org.agrona.CloseHelper;

/**
 * The last stage, while it is connected to one media driver. It computes a number from each frame,
 * records the number, and sends it as the answer to the frame's reader. It keeps nothing else.
 */
public final class AnswerStage implements StageSession, BatchInbox.Handler {
  private final ScalarKernel kernel;
  private final StageStats stats;
  private final BatchInbox inbox;
  private final AnswerSender answers;
  private long nowNanos;
  private boolean isHeldBack;
  private boolean isReady;
  private boolean isLeaving;
  private boolean isDone;

  /** Begins to work. Services call {@link #run}. */
  public AnswerStage(
      Stage stage,
      ScalarKernel kernel,
      DriverConnection connection,
      Channels channels,
      StageStats stats) {
    this.kernel = kernel;
    this.stats = stats;
    this.answers = new AnswerSender(connection, channels.answers());
    this.inbox = new BatchInbox(connection, channels.frames(), stage, stats, this);
  }

  /**
   * Runs an instance of the last stage until it is told to stop: the whole {@code main} of its
   * service.
   *
   * @param kernel makes the kernel, once
   * @return the process's exit code
   */
  public static int run(Stage stage, Supplier<ScalarKernel> kernel) {
    return ServiceRunner.run(
        stage,
        (settings, common, stats) -> {
          ScalarKernel made = kernel.get();
          return (connection, prompt) ->
              new AnswerStage(stage, made, connection, common.channels(), stats);
        });
  }

  @Override
  public int doWork(long nowNanos) {
    this.nowNanos = nowNanos;
    isHeldBack = false;
    int work = answers.doWork(nowNanos);
    int polled = inbox.poll(nowNanos);
    work += answers.send(polled < BatchInbox.POLL_FRAMES);
    if (!isReady && inbox.isOpen()) {
      isReady = true;
      stats.counter(Figure.READY).setRelease(1);
    }
    if (isLeaving && !isDone && inbox.isDrained(nowNanos) && answers.isEmpty()) {
      isDone = true;
      inbox.drained();
    }
    return work + polled;
  }

  /**
   * Aborts while there is no room for the batch's answers or their reader cannot be reached yet.
   * The next poll then returns the same batch.
   */
  @Override
  public int onBatch(FrameBatchDecoder batch, FrameSlots payloads, int sessionId) {
    Answers toReader = answers.to(batch.sourceId(), batch.answerStreamId());
    if (toReader == null) {
      inbox.reject(RejectReason.SOURCES, sessionId);
      return 0;
    }
    int frameCount = batch.frameCount();
    if (!toReader.hasRoom(frameCount) || toReader.isToWait(nowNanos)) {
      isHeldBack = true;
      return Inbox.Handler.ABORT;
    }
    if (!toReader.hasWay()) {
      inbox.reject(RejectReason.SOURCES, sessionId);
      return 0;
    }
    compute(batch, payloads, toReader, sessionId);
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
    inbox.announceStop();
  }

  @Override
  public void leave(long nowNanos) {
    isLeaving = true;
    inbox.leave(nowNanos);
  }

  @Override
  public boolean isDone() {
    return isDone;
  }

  @Override
  public void close() {
    CloseHelper.closeAll(answers, inbox);
  }

  /**
   * Records and answers the frames of a batch whose payload is still there and whose answer is
   * finite.
   */
  private void compute(
      FrameBatchDecoder batch, FrameSlots payloads, Answers toReader, int sessionId) {
    int frameCount = batch.frameCount();
    long sequence = batch.sequence();
    long number = batch.payloadNumber();
    int completed = 0;
    int gone = 0;
    int unusable = 0;
    for (int i = 0; i < frameCount; i++) {
      double answer = kernel.apply(payloads.buffer(), payloads.offset(number + i));
      if (!payloads.isStill(number + i)) {
        gone++;
      } else if (!Double.isFinite(answer)) {
        unusable++;
      } else {
        stats.norms.record(answer);
        toReader.add(sequence + i, answer, nowNanos);
        completed++;
      }
    }
    if (completed > 0) {
      stats.counter(Figure.FRAMES_NORMED).getAndAddRelease(completed);
      // All frames of the batch get the time of the last one: no answer is sent before it.
      double latencyNanos = (double) Math.max(1, System.nanoTime() - batch.originNanos());
      stats.latencyNanos.record(latencyNanos, completed);
    }
    if (gone > 0) {
      inbox.reject(RejectReason.GONE, sessionId);
    }
    if (unusable > 0) {
      inbox.reject(RejectReason.PAYLOAD, sessionId);
    }
  }
}
