package io.framepipeline.common.linux;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Linux's futex(2): lets a thread sleep on a word of memory that processes share, and wakes the
 * threads that sleep on it. Java alone can do neither. What a call returns does not matter: a
 * thread that wakes for any reason looks for work.
 */
public final class Futex {
  private static final Logger LOG = LoggerFactory.getLogger(Futex.class);
  private static final long WAIT = 0;
  private static final long WAKE = 1;

  /** Whether this machine has futex(2). If not, nothing here may be called. */
  public static final boolean IS_AVAILABLE = isAvailable();

  private Futex() {}

  private static boolean isAvailable() {
    try {
      // The kernel rejects address 0, but the attempt links the call.
      wake(0);
      return true;
    } catch (LinkageError e) {
      LOG.info("sleeps are short, since futex(2) is not to be had: {}", e.toString());
      return false;
    }
  }

  /**
   * Sleeps, unless the word no longer has the expected value.
   *
   * @param timespec address of a {@code struct timespec}, the longest time to sleep
   */
  public static void await(long address, int expected, long timespec) {
    Syscall.call(Syscall.FUTEX, address, WAIT, expected, timespec);
  }

  /** Wakes every thread, of any process, that sleeps on the word. */
  public static void wake(long address) {
    Syscall.call(Syscall.FUTEX, address, WAKE, Integer.MAX_VALUE, 0);
  }
}
