package io.framepipeline.reader;

import io.framepipeline.common.transport.InboxWatch;
import io.framepipeline.common.transport.InboxWatch.RemoteInbox;
import java.util.concurrent.TimeUnit;

/**
 * Decides which frames are lost, and no sooner than that is likely: each wrong guess is a repeat,
 * and many wrong guesses a storm.
 *
 * <ul>
 *   <li>A reciprocal's inbox is lost: so is every unacknowledged frame that went there.
 *   <li>A norm's inbox is lost: nobody knows which frames it had. Those sent before that are lost
 *       if they are still unacknowledged when the others have had time to be acknowledged.
 *   <li>A frame stays unacknowledged for long, as measured by what frames take at present.
 * </ul>
 */
final class LossDetector {
  private static final long MIN_SETTLE_NANOS = TimeUnit.MILLISECONDS.toNanos(200);

  /**
   * Longer than the driver takes to notice a death, 10 s and the second between its looks: it knows
   * which inbox is gone, and until then a frame sent again may go there again.
   */
  private static final long MIN_ACK_TIMEOUT_NANOS = TimeUnit.SECONDS.toNanos(20);

  private static final long SWEEP_INTERVAL_NANOS = TimeUnit.MILLISECONDS.toNanos(100);

  /** A frame is late if it takes this many times what acknowledged frames took of late. */
  private static final int PATIENCE = 4;

  /** Frames declared overdue in one sweep. */
  private static final int OVERDUE_LIMIT = 64;

  /** The weight of a new sample in the mean is 1 / 2^3. */
  private static final int MEAN_SHIFT = 3;

  private final RetainedFrames frames;
  private long meanLatencyNanos;
  private long lastAckNanos;
  private long lastProbeNanos;
  private long nextSweepNanos;
  private long normLostNanos;
  private long settledNanos;
  private boolean isNormLost;
  private boolean isSettling;

  LossDetector(RetainedFrames frames, long nowNanos) {
    this.frames = frames;
    this.lastAckNanos = nowNanos;
    this.lastProbeNanos = nowNanos;
    this.nextSweepNanos = nowNanos;
  }

  /** Notes how long a frame took from being sent to its acknowledgement. */
  void onAcknowledged(long sentNanos, long nowNanos) {
    lastAckNanos = nowNanos;
    meanLatencyNanos += (nowNanos - sentNanos - meanLatencyNanos) >> MEAN_SHIFT;
  }

  /** What to do about reciprocals' inboxes. */
  InboxWatch.Listener ofReciprocals() {
    return new InboxWatch.Listener() {
      @Override
      public void onLost(RemoteInbox inbox) {
        frames.inboxLost(inbox.registrationId());
      }
    };
  }

  /** What to do about norms' inboxes. */
  InboxWatch.Listener ofNorms() {
    return new InboxWatch.Listener() {
      @Override
      public void onLost(RemoteInbox inbox) {
        isNormLost = true;
      }
    };
  }

  /** Part of the duty cycle. */
  void doWork(long nowNanos) {
    if (isNormLost) {
      isNormLost = false;
      normLostNanos = nowNanos;
      isSettling = true;
      settledNanos = nowNanos + Math.max(MIN_SETTLE_NANOS, PATIENCE * meanLatencyNanos);
    }
    if (isSettling && nowNanos - settledNanos >= 0) {
      isSettling = false;
      frames.sentBeforeLost(normLostNanos);
    }
    if (nowNanos - nextSweepNanos >= 0) {
      nextSweepNanos = nowNanos + SWEEP_INTERVAL_NANOS;
      sweep(nowNanos);
    }
  }

  private void sweep(long nowNanos) {
    long timeoutNanos = Math.max(MIN_ACK_TIMEOUT_NANOS, PATIENCE * meanLatencyNanos);
    boolean othersArrive = nowNanos - lastAckNanos < timeoutNanos / 2;
    if (othersArrive) {
      frames.overdueLost(nowNanos - timeoutNanos, OVERDUE_LIMIT, true);
    } else if (nowNanos - lastAckNanos >= timeoutNanos
        && nowNanos - lastProbeNanos >= timeoutNanos) {
      // Nothing moves: the way is blocked, no frame is to blame. One is sent to find out.
      if (frames.overdueLost(nowNanos - timeoutNanos, 1, false) > 0) {
        lastProbeNanos = nowNanos;
      }
    }
  }
}
