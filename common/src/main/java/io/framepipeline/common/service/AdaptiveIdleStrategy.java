package io.framepipeline.common.service;

import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.agrona.concurrent.IdleStrategy;
import org.agrona.concurrent.NanoClock;

/**
 * Sleeps briefly while work is scarce, so that a frame is met soon, and longer while it is
 * plentiful, so that each waking meets many.
 *
 * <p>Where processes outnumber cores, it is wakings that cost: each takes a core from somebody who
 * was at work. Strategies that spin and yield before they sleep take it even more often. A stage
 * that is woken for 30 frames at a time leaves the reader its core, and throughput nearly doubles;
 * at a light load nobody is in anybody's way, and sleeps stay short. After a long silence they grow
 * as well.
 *
 * <p>What is plenty is measured by time. Measured by waking, long sleeps would keep themselves up:
 * each meets much because it was long.
 */
final class AdaptiveIdleStrategy implements IdleStrategy {
  private static final long MIN_PARK_NANOS = TimeUnit.MICROSECONDS.toNanos(20);

  /** While work is plentiful: in that time no sender fills half a term. */
  private static final long PLENTY_PARK_NANOS = TimeUnit.MICROSECONDS.toNanos(500);

  private static final long SILENCE_PARK_NANOS = TimeUnit.MILLISECONDS.toNanos(1);
  private static final long MEASURE_INTERVAL_NANOS = TimeUnit.MILLISECONDS.toNanos(1);

  /** Work in such an interval from which on it is plentiful; a frame is one or two. */
  private static final int PLENTY = 25;

  /**
   * What a waking is to meet then: much, but little next to the 255 float frames of half a term.
   */
  private static final int WORK_PER_WAKING = 32;

  private static final long SILENCE_NANOS = TimeUnit.MILLISECONDS.toNanos(100);

  private final NanoClock clock;
  private long parkNanos;
  private long work;
  private long measuredNanos;
  private long lastWorkNanos;

  AdaptiveIdleStrategy(NanoClock clock) {
    this.clock = clock;
    reset();
  }

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
    long nowNanos = clock.nanoTime();
    if (nowNanos - measuredNanos >= MEASURE_INTERVAL_NANOS) {
      adapt(nowNanos);
    }
    LockSupport.parkNanos(parkNanos);
  }

  @Override
  public void reset() {
    work = 0;
    measuredNanos = clock.nanoTime();
    lastWorkNanos = measuredNanos;
    parkNanos = MIN_PARK_NANOS;
  }

  /** How long the next sleep is to be. */
  long parkNanos() {
    return parkNanos;
  }

  private void adapt(long nowNanos) {
    long elapsedNanos = nowNanos - measuredNanos;
    if (work > 0) {
      lastWorkNanos = nowNanos;
    }
    if (work * MEASURE_INTERVAL_NANOS >= PLENTY * elapsedNanos) {
      parkNanos =
          Math.clamp(WORK_PER_WAKING * elapsedNanos / work, MIN_PARK_NANOS, PLENTY_PARK_NANOS);
    } else {
      boolean isSilent = nowNanos - lastWorkNanos >= SILENCE_NANOS;
      parkNanos = isSilent ? SILENCE_PARK_NANOS : MIN_PARK_NANOS;
    }
    work = 0;
    measuredNanos = nowNanos;
  }
}
