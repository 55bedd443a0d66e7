package io.framepipeline.launcher;

import java.util.concurrent.TimeUnit;

/** The wait before a dead process is replaced. It grows each time a process dies young. */
final class RestartDelay {
  private static final long MIN_NANOS = TimeUnit.MILLISECONDS.toNanos(100);
  private static final long MAX_NANOS = TimeUnit.SECONDS.toNanos(5);

  /** A process that lived longer than this is replaced at once. */
  private static final long GOOD_UPTIME_NANOS = TimeUnit.SECONDS.toNanos(2);

  private long delayNanos;

  /** The delay after a process died at this age. */
  long nextDelayNanos(long uptimeNanos) {
    delayNanos =
        uptimeNanos > GOOD_UPTIME_NANOS ? 0 : Math.clamp(2 * delayNanos, MIN_NANOS, MAX_NANOS);
    return delayNanos;
  }
}
