package io.framepipeline.common.transport;

import io.framepipeline.common.linux.Syscall;
import java.nio.ByteBuffer;
import org.agrona.BitUtil;
import org.agrona.concurrent.UnsafeBuffer;

/** The limit on open files, reached as soon as a test likes. */
public final class DescriptorLimit {
  private static final long PRLIMIT = System.getProperty("os.arch").equals("amd64") ? 302 : 261;
  private static final long RLIMIT_NOFILE = 7;
  private static final int HARD_OFFSET = BitUtil.SIZE_OF_LONG;
  private static final int RLIMIT_LENGTH = 2 * BitUtil.SIZE_OF_LONG;

  private DescriptorLimit() {}

  /**
   * Does something while this process can open no file more. What it has open it keeps. Classes
   * that are needed meanwhile must have been loaded before.
   */
  public static void whileReached(Runnable action) {
    UnsafeBuffer was = new UnsafeBuffer(ByteBuffer.allocateDirect(RLIMIT_LENGTH));
    UnsafeBuffer none = new UnsafeBuffer(ByteBuffer.allocateDirect(RLIMIT_LENGTH));
    call(0, was.addressOffset());
    // The hard limit stays: a lower one could not be raised again.
    none.putLong(HARD_OFFSET, was.getLong(HARD_OFFSET));
    call(none.addressOffset(), 0);
    try {
      action.run();
    } finally {
      call(was.addressOffset(), 0);
    }
  }

  private static void call(long newLimit, long oldLimit) {
    if (Syscall.call(PRLIMIT, 0, RLIMIT_NOFILE, newLimit, oldLimit) != 0) {
      throw new IllegalStateException("prlimit failed");
    }
  }
}
