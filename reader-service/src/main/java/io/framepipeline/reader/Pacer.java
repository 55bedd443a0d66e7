package io.framepipeline.reader;

import java.util.concurrent.TimeUnit;

/**
 * How many frames are due by a schedule that starts with the first question. Whoever falls behind
 * catches up: the schedule does not wait for completions.
 */
final class Pacer {
  private static final double NANOS_PER_SECOND = TimeUnit.SECONDS.toNanos(1);

  private final double framesPerNano;
  private long startNanos;
  private boolean hasStarted;

  Pacer(long framesPerSecond) {
    this.framesPerNano = framesPerSecond / NANOS_PER_SECOND;
  }

  /** Frames that are due until now. */
  long dueFrames(long nowNanos) {
    if (!hasStarted) {
      hasStarted = true;
      startNanos = nowNanos;
    }
    return 1 + (long) ((nowNanos - startNanos) * framesPerNano);
  }

  /** Nanoseconds until this many frames are due; not positive if they are. */
  long nanosUntil(long frames, long nowNanos) {
    return startNanos + (long) Math.ceil((frames - 1) / framesPerNano) - nowNanos;
  }
}
