package io.framepipeline.common.service;

import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.agrona.concurrent.IdleStrategy;

/**
 * Sleeps briefly while work is scarce, so that a frame is met soon, and longer while it is
 * plentiful, so that each waking meets many.
 *
 * <p>Where processes outnumber cores, it is wakings that cost: each takes a core from somebody who
 * was at work. Strategies that spin and yield before they sleep take it even more often. A stage
 * that is woken for 60 frames at a time leaves the reader its core, and throughput nearly doubles;
 * at a light load nobody is in anybody's way, and sleeps stay short. After a long silence they grow
 * as well.
 */
final class AdaptiveIdleStrategy implements IdleStrategy {
  private static final long MIN_PARK_NANOS = TimeUnit.MICROSECONDS.toNanos(50);
  private static final long MAX_PARK_NANOS = TimeUnit.MILLISECONDS.toNanos(1);

  /** Work met at a waking from which on work is plentiful. */
  private static final int PLENTY = 4;

  /** Wakings without work, a tenth of a second of them, after which it is silent. */
  private static final int SILENT_WAKINGS = 1000;

  private long parkNanos = MIN_PARK_NANOS;
  private long work;
  private int emptyWakings;

  @Override
  public void idle(int workCount) {
    if (workCount > 0) {
      work += workCount;
    } else {
      idle();
    }
  }

  @Override
  public void idle() {
    adapt();
    work = 0;
    LockSupport.parkNanos(parkNanos);
  }

  @Override
  public void reset() {
    work = 0;
    emptyWakings = 0;
    parkNanos = MIN_PARK_NANOS;
  }

  /** How long the next sleep is to be. */
  long parkNanos() {
    return parkNanos;
  }

  private void adapt() {
    emptyWakings = work == 0 ? Math.min(emptyWakings + 1, SILENT_WAKINGS) : 0;
    boolean longer = work >= PLENTY || emptyWakings == SILENT_WAKINGS;
    parkNanos =
        longer ? Math.min(2 * parkNanos, MAX_PARK_NANOS) : Math.max(parkNanos / 2, MIN_PARK_NANOS);
  }
}
