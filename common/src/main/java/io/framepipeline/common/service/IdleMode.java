package io.framepipeline.common.service;

import org.agrona.concurrent.BusySpinIdleStrategy;
import org.agrona.concurrent.IdleStrategy;
import org.agrona.concurrent.SystemNanoClock;
import org.agrona.concurrent.YieldingIdleStrategy;

/** What a duty cycle does when there was nothing to do: the values of {@code IDLE_STRATEGY}. */
public enum IdleMode {
  /** Sleeps, for as long as suits the load: processes may share cores. */
  BACKOFF,
  /** Never sleeps, gives way to others. */
  YIELD,
  /** Never sleeps: the lowest latency, for a core of its own. */
  SPIN;

  /** A new strategy for one thread. */
  public IdleStrategy newStrategy() {
    return switch (this) {
      case BACKOFF -> new AdaptiveIdleStrategy(SystemNanoClock.INSTANCE);
      case YIELD -> new YieldingIdleStrategy();
      case SPIN -> new BusySpinIdleStrategy();
    };
  }
}
