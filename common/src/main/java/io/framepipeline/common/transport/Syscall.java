package io.framepipeline.common.transport;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;

/**
 * Linux system calls that Java has nothing for. To link them takes 80 ms of processor time: whoever
 * needs one in its first second should not be waited for.
 */
public final class Syscall {
  public static final long FUTEX = number(202, 98);
  public static final long SCHED_SETAFFINITY = number(203, 122);
  public static final long SCHED_SETATTR = number(314, 274);
  public static final long SCHED_GETATTR = number(315, 275);

  private static final MethodHandle SYSCALL = syscall();

  private Syscall() {}

  /** Returns what the C library's {@code syscall} does: -1 if the call failed. */
  public static long call(long number, long first, long second, long third, long fourth) {
    try {
      return (long) SYSCALL.invokeExact(number, first, second, third, fourth);
    } catch (Throwable e) {
      throw new IllegalStateException(e);
    }
  }

  private static long number(long amd64, long others) {
    return switch (System.getProperty("os.arch")) {
      case "amd64" -> amd64;
      case "aarch64", "riscv64" -> others;
      default -> throw new UnsupportedOperationException("no system calls known here");
    };
  }

  /** Restricted, since nothing keeps wrong arguments from crashing the JVM. */
  @SuppressWarnings("restricted")
  private static MethodHandle syscall() {
    Linker linker = Linker.nativeLinker();
    return linker.downcallHandle(
        linker.defaultLookup().findOrThrow("syscall"),
        FunctionDescriptor.of(
            ValueLayout.JAVA_LONG,
            ValueLayout.JAVA_LONG,
            ValueLayout.JAVA_LONG,
            ValueLayout.JAVA_LONG,
            ValueLayout.JAVA_LONG,
            ValueLayout.JAVA_LONG),
        Linker.Option.firstVariadicArg(1));
  }
}
