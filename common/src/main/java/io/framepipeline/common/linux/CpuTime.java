package io.framepipeline.common.linux;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.concurrent.TimeUnit;

/** The CPU time that this process has used. For one thread. */
public final class CpuTime {
  /** {@code CLOCK_PROCESS_CPUTIME_ID}, see clock_getres(2). */
  private static final long CLOCK = 2;

  /** A {@code timespec}: seconds and nanoseconds. */
  private final MemorySegment time =
      Arena.ofAuto()
          .allocate(2 * ValueLayout.JAVA_LONG.byteSize(), ValueLayout.JAVA_LONG.byteSize());

  /**
   * Nanoseconds, of all threads together; 0 on a machine whose system calls are not known. Takes
   * one system call and allocates nothing.
   */
  public long nanos() {
    try {
      Syscall.call(Syscall.CLOCK_GETTIME, CLOCK, time.address(), 0, 0);
    } catch (LinkageError e) {
      return 0;
    }
    return TimeUnit.SECONDS.toNanos(time.getAtIndex(ValueLayout.JAVA_LONG, 0))
        + time.getAtIndex(ValueLayout.JAVA_LONG, 1);
  }
}
