package io.framepipeline.common.service;

import io.framepipeline.common.config.ExitCode;
import io.framepipeline.common.config.ExitException;
import io.framepipeline.common.config.Settings;
import org.agrona.concurrent.BusySpinIdleStrategy;
import org.agrona.concurrent.IdleStrategy;
import org.agrona.concurrent.YieldingIdleStrategy;

/** What a thread does after a duty cycle without work: the values of {@code IDLE_STRATEGY}. */
public enum IdleMode {
  /** Sleeps until there is work: processes may share CPUs. */
  BACKOFF,
  /** Never sleeps, but yields the CPU to others. */
  YIELD,
  /** Never sleeps: the lowest latency, for a thread that has a CPU of its own. */
  SPIN;

  /**
   * Reads {@code IDLE_STRATEGY}.
   *
   * @throws ExitException with {@link ExitCode#USAGE} if it is none of these
   */
  static IdleMode read(Settings settings) {
    return settings.choice("IDLE_STRATEGY", BACKOFF);
  }

  /**
   * Makes a new strategy for one thread.
   *
   * @param backoff the strategy that sleeps
   */
  public IdleStrategy newStrategy(IdleStrategy backoff) {
    return switch (this) {
      case BACKOFF -> backoff;
      case YIELD -> new YieldingIdleStrategy();
      case SPIN -> new BusySpinIdleStrategy();
    };
  }
}
