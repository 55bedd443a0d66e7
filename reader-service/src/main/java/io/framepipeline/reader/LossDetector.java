package io.framepipeline.reader;

import io.framepipeline.common.transport.InboxWatch;
import io.framepipeline.common.transport.InboxWatch.RemoteInbox;
import java.util.concurrent.TimeUnit;
import org.agrona.collections.LongArrayList;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Decides which frames are lost, and no sooner than that is likely: each wrong guess is a repeat,
 * and many wrong guesses a storm.
 *
 * <ul>
 *   <li>A reciprocal's inbox is lost: so is what went there, except for what it had passed on.
 *   <li>A norm's inbox is lost: so is what that norm had, and nobody knows which frames those were.
 *   <li>A frame stays unacknowledged for long, as measured by what frames take at present.
 * </ul>
 *
 * <p>In the first two cases the frames that are not lost go on being acknowledged. So what is lost
 * is declared once the stream of acknowledgements for frames sent before has run dry.
 */
final class LossDetector {
  private static final Logger LOG = LoggerFactory.getLogger(LossDetector.class);

  /**
   * The others learn of a death as this reader does, but not in the same moment: until then they
   * may send to the dead. So long after it, frames sent in the meantime are taken for lost as well.
   */
  private static final long NOTICE_NANOS = 3 * InboxWatch.INTERVAL_NANOS;

  /**
   * The same for one that had to wait long for a processor: whoever is left over is looked for
   * then.
   */
  private static final long LATE_NOTICE_NANOS = TimeUnit.MILLISECONDS.toNanos(500);

  /** Longer than a process that is at work waits for its turn on a busy machine. */
  private static final long MIN_QUIET_NANOS = TimeUnit.MILLISECONDS.toNanos(75);

  /** How long it may take the reciprocals to find a norm that is new, and to connect. */
  private static final long CONNECT_NANOS = TimeUnit.MILLISECONDS.toNanos(300);

  /** Much longer than a loss takes to be declared in the first two ways. */
  private static final long MIN_ACK_TIMEOUT_NANOS = TimeUnit.SECONDS.toNanos(2);

  private static final long SWEEP_INTERVAL_NANOS = TimeUnit.MILLISECONDS.toNanos(100);

  /** A frame, or a stream of acknowledgements, is late if it takes this many times the mean. */
  private static final int PATIENCE = 4;

  /** Frames declared overdue in one sweep. */
  private static final int OVERDUE_LIMIT = 256;

  /** The weight of a new sample in a mean is 1 / 2^3. */
  private static final int MEAN_SHIFT = 3;

  private final RetainedFrames frames;
  private long meanLatencyNanos;
  private long meanGapNanos;
  private long lastAckNanos;
  private long lastProbeNanos;
  private long nextSweepNanos;

  private final LongArrayList lostReciprocals = new LongArrayList();
  private boolean isNormLost;
  private boolean isLateNotice;
  private boolean isSettling;
  private int normCount;

  /** Frames sent before this may be lost; those acknowledged are not. */
  private long cutoffNanos;

  /** When the last frame sent before the cutoff was acknowledged; or later, if none can be yet. */
  private long quietSinceNanos;

  private long nowNanos;

  LossDetector(RetainedFrames frames, long nowNanos) {
    this.frames = frames;
    this.nowNanos = nowNanos;
    this.lastAckNanos = nowNanos;
    this.lastProbeNanos = nowNanos;
    this.nextSweepNanos = nowNanos;
  }

  /** Notes that a frame was acknowledged that was sent at {@code sentNanos}. */
  void onAcknowledged(long sentNanos, long nowNanos) {
    meanLatencyNanos += (nowNanos - sentNanos - meanLatencyNanos) >> MEAN_SHIFT;
    if (nowNanos != lastAckNanos) {
      meanGapNanos += (nowNanos - lastAckNanos - meanGapNanos) >> MEAN_SHIFT;
      lastAckNanos = nowNanos;
    }
    if (isSettling && sentNanos - cutoffNanos < 0 && nowNanos - quietSinceNanos > 0) {
      quietSinceNanos = nowNanos;
    }
  }

  /** What to do about reciprocals' inboxes. */
  InboxWatch.Listener ofReciprocals() {
    return new InboxWatch.Listener() {
      @Override
      public void onLost(RemoteInbox inbox) {
        lostReciprocals.addLong(inbox.registrationId());
        settle(NOTICE_NANOS);
      }
    };
  }

  /** What to do about norms' inboxes. */
  InboxWatch.Listener ofNorms() {
    return new InboxWatch.Listener() {
      @Override
      public void onOpen(RemoteInbox inbox) {
        if (normCount++ == 0) {
          // Nothing could be acknowledged before; so nothing is late.
          quietSinceNanos = nowNanos + CONNECT_NANOS;
          lastAckNanos = nowNanos;
          lastProbeNanos = nowNanos;
        }
      }

      @Override
      public void onLeaving(RemoteInbox inbox) {
        normCount--;
      }

      @Override
      public void onLost(RemoteInbox inbox) {
        isNormLost = true;
        isLateNotice = false;
        settle(NOTICE_NANOS);
      }
    };
  }

  /** Part of the duty cycle, before whatever calls a listener. */
  void doWork(long nowNanos) {
    this.nowNanos = nowNanos;
    if (isSettling && isSettled()) {
      isSettling = false;
      declareLost();
    }
    if (normCount > 0 && nowNanos - nextSweepNanos >= 0) {
      nextSweepNanos = nowNanos + SWEEP_INTERVAL_NANOS;
      sweep();
    }
  }

  private void settle(long noticeNanos) {
    isSettling = true;
    cutoffNanos = nowNanos + noticeNanos;
    if (nowNanos - quietSinceNanos > 0) {
      quietSinceNanos = nowNanos;
    }
  }

  private boolean isSettled() {
    if (normCount == 0 || nowNanos - cutoffNanos < 0) {
      // With no norm there is nobody to acknowledge what reciprocals still have.
      return false;
    }
    // Where little flows acknowledgements are rare, but not late.
    long usualNanos = Math.min(meanGapNanos, meanLatencyNanos);
    return nowNanos - quietSinceNanos >= Math.max(MIN_QUIET_NANOS, PATIENCE * usualNanos);
  }

  private void declareLost() {
    int lost = 0;
    for (int i = 0; i < lostReciprocals.size(); i++) {
      lost += frames.inboxLost(lostReciprocals.getLong(i));
    }
    lostReciprocals.clear();
    if (isNormLost) {
      lost += frames.sentBeforeLost(cutoffNanos);
      isNormLost = !isLateNotice;
      if (!isLateNotice) {
        isLateNotice = true;
        settle(LATE_NOTICE_NANOS);
      }
    }
    if (lost > 0) {
      LOG.warn("instances were lost, and {} frames with them, which are sent again", lost);
    }
  }

  private void sweep() {
    long timeoutNanos = Math.max(MIN_ACK_TIMEOUT_NANOS, PATIENCE * meanLatencyNanos);
    boolean othersArrive = nowNanos - lastAckNanos < timeoutNanos / 2;
    if (othersArrive) {
      int overdue = frames.overdueLost(nowNanos - timeoutNanos, OVERDUE_LIMIT, true);
      if (overdue > 0) {
        LOG.warn("{} frames are overdue, and are sent again", overdue);
      }
    } else if (nowNanos - lastAckNanos >= timeoutNanos
        && nowNanos - lastProbeNanos >= timeoutNanos) {
      // Nothing moves: the way is blocked, no frame is to blame. One is sent to find out.
      if (frames.overdueLost(nowNanos - timeoutNanos, 1, false) > 0) {
        lastProbeNanos = nowNanos;
      }
    }
  }
}
