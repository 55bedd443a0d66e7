package io.framepipeline.launcher;

import java.util.concurrent.TimeUnit;

/** How long to wait before a dead process is replaced: the longer, the more often it dies young. */
final class RestartDelay {
  private static final long MIN_NANOS = TimeUnit.MILLISECONDS.toNanos(100);
  private static final long MAX_NANOS = TimeUnit.SECONDS.toNanos(5);

  /** Whoever lived so long is replaced at once. */
  private static final long GOOD_UPTIME_NANOS = TimeUnit.SECONDS.toNanos(2);

  private long delayNanos;

  /** The delay after a death at this age. */
  long nextDelayNanos(long uptimeNanos) {
    delayNanos =
        uptimeNanos > GOOD_UPTIME_NANOS ? 0 : Math.clamp(2 * delayNanos, MIN_NANOS, MAX_NANOS);
    return delayNanos;
  }
}
