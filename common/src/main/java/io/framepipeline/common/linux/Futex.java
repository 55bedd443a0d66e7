package io.framepipeline.common.linux;

/**
 * Linux's futex(2): sleeps on a word of memory that processes share, and wakes who sleeps there.
 * Java can neither by itself. What a call returns does not matter: whoever wakes, for whatever
 * reason, looks for work.
 */
public final class Futex {
  private static final long WAIT = 0;
  private static final long WAKE = 1;

  private Futex() {}

  /** Does what the first call would have to do before; no address is an error to the kernel. */
  public static void link() {
    wake(0);
  }

  /**
   * Sleeps, unless the word has another value by now.
   *
   * @param timespec address of a {@code struct timespec}, the longest time to sleep
   */
  public static void await(long address, int expected, long timespec) {
    Syscall.call(Syscall.FUTEX, address, WAIT, expected, timespec);
  }

  /** Wakes every thread of any process that sleeps on the word. */
  public static void wake(long address) {
    Syscall.call(Syscall.FUTEX, address, WAKE, Integer.MAX_VALUE, 0);
  }
}
