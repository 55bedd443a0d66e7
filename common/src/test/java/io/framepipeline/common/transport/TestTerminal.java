package io.framepipeline.common.transport;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;

/** A terminal at which a test types: a pseudo-terminal that hands lines on and echoes nothing. */
public final class TestTerminal implements AutoCloseable {
  private static final int O_RDWR_NOCTTY = 0x102;
  private static final int TERMIOS_LENGTH = 64;
  private static final int LOCAL_FLAGS_OFFSET = 12;
  private static final int ECHO = 8;
  private static final byte CONTROL_D = 4;

  private final Arena arena = Arena.ofShared();
  private final long file;
  private final Path path;

  @SuppressWarnings("restricted")
  public TestTerminal() {
    file = call("posix_openpt", O_RDWR_NOCTTY);
    call("grantpt", file);
    call("unlockpt", file);
    MemorySegment termios = arena.allocate(TERMIOS_LENGTH);
    call("tcgetattr", file, termios.address());
    int localFlags = termios.get(ValueLayout.JAVA_INT, LOCAL_FLAGS_OFFSET);
    termios.set(ValueLayout.JAVA_INT, LOCAL_FLAGS_OFFSET, localFlags & ~ECHO);
    call("tcsetattr", file, 0, termios.address());
    MemorySegment name = arena.allocate(256);
    call("ptsname_r", file, name.address(), name.byteSize());
    path = Path.of(name.getString(0));
  }

  /** The terminal's device. */
  public Path path() {
    return path;
  }

  /** Types something; lines, if it is to arrive. */
  public void type(String text) {
    write(text.getBytes(StandardCharsets.US_ASCII));
  }

  /** Ends the input, at the start of a line. */
  public void typeControlD() {
    write(new byte[] {CONTROL_D});
  }

  @Override
  public void close() {
    call("close", file);
    arena.close();
  }

  private void write(byte[] bytes) {
    try (Arena text = Arena.ofConfined()) {
      long address = text.allocateFrom(ValueLayout.JAVA_BYTE, bytes).address();
      for (int done = 0; done < bytes.length; ) {
        done += (int) call("write", file, address + done, bytes.length - done);
      }
    }
  }

  /** Calls a function of the C library that takes whole numbers and returns one. */
  @SuppressWarnings("restricted")
  private static long call(String function, Object... arguments) {
    Linker linker = Linker.nativeLinker();
    MemoryLayout[] parameters = new MemoryLayout[arguments.length];
    Object[] values = new Object[arguments.length];
    for (int i = 0; i < arguments.length; i++) {
      parameters[i] = ValueLayout.JAVA_LONG;
      values[i] = ((Number) arguments[i]).longValue();
    }
    try {
      // An int is the lower half of a register, whatever the function declares.
      long result =
          (long)
              linker
                  .downcallHandle(
                      linker.defaultLookup().findOrThrow(function),
                      FunctionDescriptor.of(ValueLayout.JAVA_LONG, parameters))
                  .invokeWithArguments(values);
      if ((int) result < 0) {
        throw new IllegalStateException(function + " failed");
      }
      return result;
    } catch (Throwable e) {
      throw new IllegalStateException(function, e);
    }
  }
}
