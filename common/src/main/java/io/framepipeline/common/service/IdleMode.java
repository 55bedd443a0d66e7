package io.framepipeline.common.service;

import java.util.concurrent.TimeUnit;
import org.agrona.concurrent.BackoffIdleStrategy;
import org.agrona.concurrent.BusySpinIdleStrategy;
import org.agrona.concurrent.IdleStrategy;
import org.agrona.concurrent.YieldingIdleStrategy;

/** What a duty cycle does when there was nothing to do: the values of {@code IDLE_STRATEGY}. */
public enum IdleMode {
  /** Spins a little, yields a little, then sleeps longer and longer: processes may share cores. */
  BACKOFF,
  /** Never sleeps, gives way to others. */
  YIELD,
  /** Never sleeps: the lowest latency, for a core of its own. */
  SPIN;

  private static final long MAX_SPINS = 10;
  private static final long MAX_YIELDS = 20;
  private static final long MIN_PARK_NANOS = TimeUnit.MICROSECONDS.toNanos(1);
  private static final long MAX_PARK_NANOS = TimeUnit.MICROSECONDS.toNanos(100);

  /** A new strategy for one thread. */
  public IdleStrategy newStrategy() {
    return switch (this) {
      case BACKOFF ->
          new BackoffIdleStrategy(MAX_SPINS, MAX_YIELDS, MIN_PARK_NANOS, MAX_PARK_NANOS);
      case YIELD -> new YieldingIdleStrategy();
      case SPIN -> new BusySpinIdleStrategy();
    };
  }
}
