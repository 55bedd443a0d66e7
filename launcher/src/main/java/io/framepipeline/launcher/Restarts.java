package io.framepipeline.launcher;

import io.framepipeline.common.config.ExitCode;
import java.util.concurrent.TimeUnit;

/** Decides whether and when to start another process after one ended or could not be started. */
final class Restarts {
  /** After this many failed starts, before any process has begun its work, more would fail too. */
  private static final int MAX_FRUITLESS = 4;

  /**
   * A process that ended in order was told to stop by a signal from elsewhere, whose sender may be
   * ending the whole run. So it is not started again for this long.
   */
  static final long ORDERLY_END_NANOS = TimeUnit.SECONDS.toNanos(1);

  /**
   * An exit code above this means that a signal ended the process, which then has no say in the
   * code.
   */
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

  /** Whether a process ended by itself, and not by a signal. */
  static boolean isByItself(int exitCode) {
    return exitCode <= FIRST_SIGNAL;
  }

  /** Whether there is no process now, but one will be started. */
  boolean isWaiting() {
    return dueNanos != 0;
  }

  /** Whether it is time to start the process. */
  boolean isDue(long nowNanos) {
    return isWaiting() && nowNanos - dueNanos >= 0;
  }

  /** Notes that a process was started. */
  void onStart() {
    dueNanos = 0;
  }

  /**
   * Notes that a process ended or could not be started, and that another is to start after a while.
   *
   * @param isFruitless whether it ended by itself, or could not be started, and none has ever begun
   * @return false if that was one failure too many, so no other process is to start
   */
  boolean again(long nowNanos, long uptimeNanos, boolean isFruitless) {
    fruitless += isFruitless ? 1 : 0;
    dueNanos = nowNanos + delay.nextDelayNanos(uptimeNanos);
    return fruitless < MAX_FRUITLESS;
  }

  /** Plans another process after one that ended in order, although this run had not told it to. */
  void againAfterOrderlyEnd(long nowNanos) {
    dueNanos = nowNanos + ORDERLY_END_NANOS;
  }

  /**
   * The message for the case that no other process is to start.
   *
   * @param what the process that cannot be started
   * @param why the cause, as far as it is known here
   */
  static String fruitless(String what, String why) {
    return "%s cannot be started, tried %s times: %s; see what it said above, JAVA_TOOL_OPTIONS, the PATH, and limits on memory and processes"
        .formatted(what, MAX_FRUITLESS, why);
  }
}
