package io.framepipeline.common.transport;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;

/**
 * Linux's futex(2): sleeps on a word of memory that processes share, and wakes who sleeps there.
 * Java can neither by itself.
 */
final class Futex {
  private static final long WAIT = 0;
  private static final long WAKE = 1;

  private static final MethodHandle SYSCALL = syscall();
  private static final long NUMBER =
      switch (System.getProperty("os.arch")) {
        case "amd64" -> 202;
        case "aarch64", "riscv64" -> 98;
        default -> throw new UnsupportedOperationException("no futex(2) known on this processor");
      };

  private Futex() {}

  /** Does what the first call would have to do before; no address is an error to the kernel. */
  static void link() {
    wake(0);
  }

  /**
   * Sleeps, unless the word has another value by now.
   *
   * @param timespec address of a {@code struct timespec}, the longest time to sleep
   */
  static void await(long address, int expected, long timespec) {
    call(address, WAIT, expected, timespec);
  }

  /** Wakes every thread of any process that sleeps on the word. */
  static void wake(long address) {
    call(address, WAKE, Integer.MAX_VALUE, 0);
  }

  /** What it returns does not matter: whoever wakes, for whatever reason, looks for work. */
  @SuppressWarnings("unused")
  private static void call(long address, long operation, long value, long timeoutAddress) {
    try {
      // invokeExact is linked by the type that its result is assigned to.
      long result = (long) SYSCALL.invokeExact(NUMBER, address, operation, value, timeoutAddress);
    } catch (Throwable e) {
      throw new IllegalStateException(e);
    }
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
