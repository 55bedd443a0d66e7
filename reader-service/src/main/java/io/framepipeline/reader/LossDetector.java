package io.framepipeline.reader;

import io.framepipeline.common.transport.InboxWatch;
import io.framepipeline.common.transport.InboxWatch.RemoteInbox;
import java.util.concurrent.TimeUnit;
import org.agrona.collections.LongArrayList;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Decides which deliveries have expired, but only when that is likely. Each wrong guess is a
 * redelivery, and many wrong guesses are a storm. A delivery expires in one of three ways.
 *
 * <ul>
 *   <li>An inbox of the next stage is gone. What went there expires, except what that instance had
 *       passed on.
 *   <li>An inbox of a later stage is gone. What that instance had expires, but the reader does not
 *       know which frames those were.
 *   <li>A frame stays unanswered for long, compared with what frames take at present.
 * </ul>
 *
 * <p>In the first two ways, frames that are not affected go on being answered. So deliveries expire
 * once the answers to frames sent before have run dry.
 */
final class LossDetector {
  private static final Logger LOG = LoggerFactory.getLogger(LossDetector.class);

  /**
   * Other senders notice a death, too, but not at the same moment as this reader. Until then they
   * may send to the dead instance. So deliveries that start within this time after the reader
   * noticed may expire as well.
   */
  private static final long NOTICE_NANOS = 3 * InboxWatch.INTERVAL_NANOS;

  /**
   * The same, for a sender that had to wait long for a CPU. After this time the detector looks once
   * more for unanswered frames.
   */
  private static final long LATE_NOTICE_NANOS = TimeUnit.MILLISECONDS.toNanos(500);

  /** Longer than a process that has work waits for a CPU on a busy machine. */
  private static final long MIN_QUIET_NANOS = TimeUnit.MILLISECONDS.toNanos(75);

  /** How long a stage may take to find a new inbox of the next stage, and to connect to it. */
  private static final long CONNECT_NANOS = TimeUnit.MILLISECONDS.toNanos(300);

  /** Much longer than a delivery takes to expire in the first two ways. */
  private static final long MIN_ANSWER_TIMEOUT_NANOS = TimeUnit.SECONDS.toNanos(2);

  private static final long SWEEP_INTERVAL_NANOS = TimeUnit.MILLISECONDS.toNanos(100);

  /** A frame, or a stream of answers, is late after this many times the mean. */
  private static final int PATIENCE = 4;

  /** The most deliveries that expire in one sweep. */
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

  /** How many later stages have no inbox. While one has none, no frame can be answered. */
  private int missingStages;

  /** Deliveries before this moment may expire, unless they are answered. */
  private long cutoffNanos;

  /**
   * When a frame sent before the cutoff was last answered; or later, if none can be answered yet.
   */
  private long quietSinceNanos;

  private long nowNanos;

  LossDetector(RetainedFrames frames, long nowNanos) {
    this.frames = frames;
    this.nowNanos = nowNanos;
    this.lastAnswerNanos = nowNanos;
    this.lastProbeNanos = nowNanos;
    this.nextSweepNanos = nowNanos;
  }

  /** Notes the answer to a frame that was sent at {@code sentNanos}. */
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

  /** Returns a listener for the inboxes of the next stage. */
  InboxWatch.Listener ofNextStage() {
    return new InboxWatch.Listener() {
      @Override
      public void onLost(RemoteInbox inbox) {
        lostReceivers.addLong(inbox.registrationId());
        settle(NOTICE_NANOS);
      }
    };
  }

  /**
   * Returns a listener for the inboxes of a stage after the next one. Call it once for each stage.
   */
  InboxWatch.Listener ofLaterStage() {
    missingStages++;
    return new InboxWatch.Listener() {
      private int count;

      @Override
      public void onOpen(RemoteInbox inbox) {
        if (count++ == 0) {
          missingStages--;
          // Nothing could be answered before, so nothing is late.
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

  /** Call this in each duty cycle, before the inbox watches: their listeners use its time. */
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
      // The stages before the missing one still have frames that no instance can answer.
      return false;
    }
    // At a low rate answers are rare, but not late.
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
      // Nothing moves, so the way is blocked and no frame is to blame. One frame is redelivered to
      // find out whether the way is open again.
      if (frames.expireOverdue(nowNanos - timeoutNanos, 1, false) > 0) {
        lastProbeNanos = nowNanos;
      }
    }
  }
}
