package io.framepipeline.reader;

import java.util.concurrent.TimeUnit;

/**
 * Counts the frames that are due by a schedule, which starts with the first call. The schedule does
 * not wait for completions, so a reader that falls behind catches up.
 */
final class Pacer {
  private static final double NANOS_PER_SECOND = TimeUnit.SECONDS.toNanos(1);

  private final double framesPerNano;
  private final long framesBefore;
  private long startNanos;
  private boolean hasStarted;

  /**
   * @param framesBefore frames that are due at once, because they were read before the schedule
   *     starts
   */
  Pacer(long framesPerSecond, long framesBefore) {
    this.framesBefore = framesBefore;
    this.framesPerNano = framesPerSecond / NANOS_PER_SECOND;
  }

  /** Frames that are due by now. */
  long dueFrames(long nowNanos) {
    if (!hasStarted) {
      hasStarted = true;
      startNanos = nowNanos;
    }
    return framesBefore + 1 + (long) ((nowNanos - startNanos) * framesPerNano);
  }

  /** Nanoseconds until this many frames are due; zero or negative if they are due now. */
  long nanosUntil(long frames, long nowNanos) {
    return startNanos + (long) Math.ceil((frames - framesBefore - 1) / framesPerNano) - nowNanos;
  }
}
