package io.framepipeline.reader;

import io.framepipeline.common.transport.InboxWatch;
import io.framepipeline.common.transport.InboxWatch.RemoteInbox;
import java.util.concurrent.TimeUnit;
import org.agrona.collections.LongArrayList;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Decides which deliveries have expired, and no sooner than that is likely: each wrong guess is a
 * repeat, and many wrong guesses a storm. A delivery expires in one of three ways.
 *
 * <ul>
 *   <li>An inbox of the next stage is lost: so is what went there, except for what it had passed
 *       on.
 *   <li>An inbox of a later stage is lost: so is what it had, and nobody knows which frames those
 *       were.
 *   <li>A frame stays unanswered for long, as measured by what frames take at present.
 * </ul>
 *
 * <p>In the first two ways the frames that are not lost go on being answered. So deliveries expire
 * once the stream of answers to frames sent before has run dry.
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

  /** How long it may take a stage to find a new inbox of the next one, and to connect. */
  private static final long CONNECT_NANOS = TimeUnit.MILLISECONDS.toNanos(300);

  /** Much longer than a delivery takes to expire in the first two ways. */
  private static final long MIN_ANSWER_TIMEOUT_NANOS = TimeUnit.SECONDS.toNanos(2);

  private static final long SWEEP_INTERVAL_NANOS = TimeUnit.MILLISECONDS.toNanos(100);

  /** A frame, or a stream of answers, is late if it takes this many times the mean. */
  private static final int PATIENCE = 4;

  /** Deliveries that expire in one sweep. */
  private static final int OVERDUE_LIMIT = 256;

  /** The weight of a new sample in a mean is 1 / 2^3. */
  private static final int MEAN_SHIFT = 3;

  private final RetainedFrames frames;
  private long meanLatencyNanos;
  private long meanGapNanos;
  private long lastAnswerNanos;
  private long lastProbeNanos;
  private long nextSweepNanos;

  private final LongArrayList lostReceivers = new LongArrayList();
  private boolean isLaterInboxLost;
  private boolean isLateNotice;
  private boolean isSettling;

  /** How many later stages have no inbox; while there is one, nothing can be answered. */
  private int missingStages;

  /** Deliveries before this may be lost; those answered are not. */
  private long cutoffNanos;

  /** When the last frame sent before the cutoff was answered; or later, if none can be yet. */
  private long quietSinceNanos;

  private long nowNanos;

  LossDetector(RetainedFrames frames, long nowNanos) {
    this.frames = frames;
    this.nowNanos = nowNanos;
    this.lastAnswerNanos = nowNanos;
    this.lastProbeNanos = nowNanos;
    this.nextSweepNanos = nowNanos;
  }

  /** Notes that a frame was answered that was sent at {@code sentNanos}. */
  void onAnswered(long sentNanos, long nowNanos) {
    meanLatencyNanos += (nowNanos - sentNanos - meanLatencyNanos) >> MEAN_SHIFT;
    if (nowNanos != lastAnswerNanos) {
      meanGapNanos += (nowNanos - lastAnswerNanos - meanGapNanos) >> MEAN_SHIFT;
      lastAnswerNanos = nowNanos;
    }
    if (isSettling && sentNanos - cutoffNanos < 0 && nowNanos - quietSinceNanos > 0) {
      quietSinceNanos = nowNanos;
    }
  }

  /** What to do about inboxes of the next stage. */
  InboxWatch.Listener ofNextStage() {
    return new InboxWatch.Listener() {
      @Override
      public void onLost(RemoteInbox inbox) {
        lostReceivers.addLong(inbox.registrationId());
        settle(NOTICE_NANOS);
      }
    };
  }

  /** What to do about inboxes of a stage after the next one; to be called once for each. */
  InboxWatch.Listener ofLaterStage() {
    missingStages++;
    return new InboxWatch.Listener() {
      private int count;

      @Override
      public void onOpen(RemoteInbox inbox) {
        if (count++ == 0) {
          missingStages--;
          // Nothing could be answered before; so nothing is late.
          quietSinceNanos = nowNanos + CONNECT_NANOS;
          lastAnswerNanos = nowNanos;
          lastProbeNanos = nowNanos;
        }
      }

      @Override
      public void onLeaving(RemoteInbox inbox) {
        if (--count == 0) {
          missingStages++;
        }
      }

      @Override
      public void onLost(RemoteInbox inbox) {
        isLaterInboxLost = true;
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
      expireLost();
    }
    if (missingStages == 0 && nowNanos - nextSweepNanos >= 0) {
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
    if (missingStages > 0 || nowNanos - cutoffNanos < 0) {
      // Nobody answers what the stages before the missing one still have.
      return false;
    }
    // Where little flows answers are rare, but not late.
    long usualNanos = Math.min(meanGapNanos, meanLatencyNanos);
    return nowNanos - quietSinceNanos >= Math.max(MIN_QUIET_NANOS, PATIENCE * usualNanos);
  }

  private void expireLost() {
    int expired = 0;
    for (int i = 0; i < lostReceivers.size(); i++) {
      expired += frames.expireSentTo(lostReceivers.getLong(i));
    }
    lostReceivers.clear();
    if (isLaterInboxLost) {
      expired += frames.expireSentBefore(cutoffNanos);
      isLaterInboxLost = !isLateNotice;
      if (!isLateNotice) {
        isLateNotice = true;
        settle(LATE_NOTICE_NANOS);
      }
    }
    if (expired > 0) {
      LOG.warn("instances were lost, and {} frames with them, which are sent again", expired);
    }
  }

  private void sweep() {
    long timeoutNanos = Math.max(MIN_ANSWER_TIMEOUT_NANOS, PATIENCE * meanLatencyNanos);
    boolean othersArrive = nowNanos - lastAnswerNanos < timeoutNanos / 2;
    if (othersArrive) {
      int overdue = frames.expireOverdue(nowNanos - timeoutNanos, OVERDUE_LIMIT, true);
      if (overdue > 0) {
        LOG.warn("{} frames are overdue, and are sent again", overdue);
      }
    } else if (nowNanos - lastAnswerNanos >= timeoutNanos
        && nowNanos - lastProbeNanos >= timeoutNanos) {
      // Nothing moves: the way is blocked, no frame is to blame. One is sent to find out.
      if (frames.expireOverdue(nowNanos - timeoutNanos, 1, false) > 0) {
        lastProbeNanos = nowNanos;
      }
    }
  }
}
