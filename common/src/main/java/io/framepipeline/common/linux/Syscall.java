package io.framepipeline.common.linux;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout.PathElement;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.StructLayout;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;

/** Linux system calls for which Java has nothing. Linking them takes 80 ms of CPU time. */
public final class Syscall {
  public static final long READ = number(0, 63);
  public static final long CLOSE = number(3, 57);
  public static final long FLOCK = number(73, 32);
  public static final long FUTEX = number(202, 98);
  public static final long SCHED_SETAFFINITY = number(203, 122);
  public static final long CLOCK_GETTIME = number(228, 113);
  public static final long OPENAT = number(257, 56);
  public static final long PPOLL = number(271, 73);
  public static final long SCHED_SETATTR = number(314, 274);
  public static final long SCHED_GETATTR = number(315, 275);

  private static final MethodHandle SYSCALL = link(Linker.Option.firstVariadicArg(1));

  /** What only callers that need the error number use; linked only for them. */
  private static final class Errno {
    static final StructLayout STATE = Linker.Option.captureStateLayout();
    static final long OFFSET = STATE.byteOffset(PathElement.groupElement("errno"));
    static final ThreadLocal<MemorySegment> OF_THREAD =
        ThreadLocal.withInitial(() -> Arena.ofAuto().allocate(STATE));
    static final MethodHandle SYSCALL =
        link(Linker.Option.firstVariadicArg(1), Linker.Option.captureCallState("errno"));
    static final MethodHandle STRERROR = strerror();
  }

  private Syscall() {}

  /** Returns what the C library's {@code syscall} returns: -1 if the call failed. */
  public static long call(long number, long first, long second, long third, long fourth) {
    try {
      return (long) SYSCALL.invokeExact(number, first, second, third, fourth);
    } catch (Throwable e) {
      throw new IllegalStateException(e);
    }
  }

  /** Returns what the kernel returns: the negative error number if the call failed. */
  public static long callOrErrno(long number, long first, long second, long third, long fourth) {
    try {
      MemorySegment state = Errno.OF_THREAD.get();
      long result = (long) Errno.SYSCALL.invokeExact(state, number, first, second, third, fourth);
      return result == -1 ? -state.get(ValueLayout.JAVA_INT, Errno.OFFSET) : result;
    } catch (Throwable e) {
      throw new IllegalStateException(e);
    }
  }

  /** An error number in words, such as "Input/output error". */
  @SuppressWarnings("restricted")
  public static String errorText(int errno) {
    try {
      MemorySegment text = (MemorySegment) Errno.STRERROR.invokeExact(errno);
      return text.reinterpret(Long.MAX_VALUE).getString(0);
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

  /** Restricted, because wrong arguments can crash the JVM. */
  @SuppressWarnings("restricted")
  private static MethodHandle link(Linker.Option... options) {
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
        options);
  }

  @SuppressWarnings("restricted")
  private static MethodHandle strerror() {
    Linker linker = Linker.nativeLinker();
    return linker.downcallHandle(
        linker.defaultLookup().findOrThrow("strerror"),
        FunctionDescriptor.of(ValueLayout.ADDRESS, ValueLayout.JAVA_INT));
  }
}
