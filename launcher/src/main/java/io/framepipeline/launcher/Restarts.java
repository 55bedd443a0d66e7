package io.framepipeline.launcher;

import io.framepipeline.common.config.ExitCode;
import java.util.concurrent.TimeUnit;

/**
 * Whether and when there is to be another process in place of one that ended or that could not be
 * started.
 */
final class Restarts {
  /** So many, before one has ever begun its work, would be followed by others like them. */
  private static final int MAX_FRUITLESS = 4;

  /**
   * Who ended in order was told to stop by another than this, who perhaps is ending the whole run.
   * So long it is not started again.
   */
  static final long ORDERLY_END_NANOS = TimeUnit.SECONDS.toNanos(1);

  /** A process that was ended by a signal has no say in its exit code. */
  private static final int FIRST_SIGNAL = 128;

  private final RestartDelay delay = new RestartDelay();
  private long dueNanos;
  private int fruitless;

  /** Whether another try would end the same way. */
  static boolean isFinal(int exitCode) {
    return exitCode == ExitCode.USAGE
        || exitCode == ExitCode.PARTIAL_FRAME
        || exitCode == ExitCode.NO_INPUT
        || exitCode == ExitCode.OUTPUT;
  }

  /** Whether a process ended because it wanted to. */
  static boolean isByItself(int exitCode) {
    return exitCode <= FIRST_SIGNAL;
  }

  /** Whether there is none, but will be one. */
  boolean isWaiting() {
    return dueNanos != 0;
  }

  /** Whether it is time to start it. */
  boolean isDue(long nowNanos) {
    return isWaiting() && nowNanos - dueNanos >= 0;
  }

  /** There is one again. */
  void onStart() {
    dueNanos = 0;
  }

  /**
   * There is none any more, or none yet; there is to be another after a while.
   *
   * @param isFruitless whether it ended by itself, or could not be started, and none has ever begun
   * @return false if that was one too many: there is to be no other
   */
  boolean again(long nowNanos, long uptimeNanos, boolean isFruitless) {
    fruitless += isFruitless ? 1 : 0;
    dueNanos = nowNanos + delay.nextDelayNanos(uptimeNanos);
    return fruitless < MAX_FRUITLESS;
  }

  /** The same for one that ended in order, which this run has not told it to. */
  void againAfterOrderlyEnd(long nowNanos) {
    dueNanos = nowNanos + ORDERLY_END_NANOS;
  }

  /**
   * What to tell if there is to be no other.
   *
   * @param what cannot be started
   * @param why as far as it is known here
   */
  static String fruitless(String what, String why) {
    return "%s cannot be started, tried %s times: %s; see what it said above, JAVA_TOOL_OPTIONS, the PATH, and limits on memory and processes"
        .formatted(what, MAX_FRUITLESS, why);
  }
}
