package io.framepipeline.reader;

import io.framepipeline.common.linux.Syscall;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.channels.ReadableByteChannel;
import java.nio.charset.Charset;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.agrona.BufferUtil;

/**
 * An input that reading consumes: a pipe, a FIFO, a socket, a terminal, or a device other than
 * memory. Only one process reads it, since two would each get some bytes of a frame.
 *
 * <p>Nothing could end a wait in open(2) or read(2), so neither waits. Only {@link #await} waits,
 * by ppoll(2), for a moment. So a silent input costs almost nothing, whatever its flags. A reader
 * that is killed while it waits has consumed nothing.
 *
 * <p>A terminal does not become the reader's controlling terminal. Under the local command the
 * reader leads a session, and its death would hang up that terminal.
 */
final class StreamChannel implements ReadableByteChannel {
  private static final int STANDARD_INPUT = 0;
  private static final int NONE = -1;

  // From Linux's fcntl.h, file.h, errno.h and poll.h.
  private static final int AT_FDCWD = -100;
  private static final int O_NOCTTY = 0x100;
  private static final int O_NONBLOCK = 0x800;
  private static final int O_CLOEXEC = 0x80000;
  private static final int LOCK_EX = 2;
  private static final int LOCK_NB = 4;
  private static final int EINTR = 4;
  private static final int EAGAIN = 11;
  private static final short POLLIN = 1;

  /** How long a reader may take to notice that it is told to stop. */
  private static final long WAIT_NANOS = TimeUnit.MILLISECONDS.toNanos(100);

  private static final long TIMESPEC_OFFSET = 8;
  private static final long TIMESPEC_LENGTH = 16;

  private final int file;

  /**
   * The descriptor that holds the lock. This is the file itself, unless standard input is
   * inherited: its owners would share the lock.
   */
  private final int lock;

  /** A {@code struct pollfd} and a {@code struct timespec}. */
  private final MemorySegment poll = Arena.ofAuto().allocate(TIMESPEC_OFFSET + TIMESPEC_LENGTH, 8);

  /** Whether the input had a writer before it was opened, which ppoll(2) does not know. */
  private final boolean hadWriter;

  private boolean isOpen = true;

  private StreamChannel(int file, int lock, boolean hadWriter) {
    this.file = file;
    this.lock = lock;
    this.hadWriter = hadWriter;
    poll.set(ValueLayout.JAVA_INT, 0, file);
    poll.set(ValueLayout.JAVA_SHORT, 4, POLLIN);
  }

  /**
   * Opens an input for this process alone. When this channel is closed or the process dies, the
   * kernel lets another process have the input.
   *
   * @param hadWriter whether something was read from it before, so that it may be at its end
   * @return null if another process reads it
   * @throws IOException if it cannot be opened
   */
  static StreamChannel open(Path path, boolean hadWriter) throws IOException {
    int file = openExisting(path);
    return lock(file) ? new StreamChannel(file, file, hadWriter) : null;
  }

  /**
   * Opens a FIFO's reading end and reads nothing. While it is open, the writer gets no EPIPE, even
   * if no other process has the FIFO open.
   */
  static StreamChannel hold(Path path) throws IOException {
    int file = openExisting(path);
    return new StreamChannel(file, file, false);
  }

  /**
   * Takes standard input for this process alone, where that is possible. It is not possible for
   * sockets.
   *
   * @param path by which the same file is opened again
   * @return null if another process reads it
   */
  static StreamChannel standardInput(Path path) {
    int lock = openFile(path);
    if (lock < 0) {
      return new StreamChannel(STANDARD_INPUT, NONE, false);
    }
    return lock(lock) ? new StreamChannel(STANDARD_INPUT, lock, false) : null;
  }

  /**
   * Waits for a moment until there is something to read, or the input has ended.
   *
   * @return whether to read
   */
  boolean await() {
    // A FIFO whose last writer left before this process opened it never gets readable. But a read
    // finds its end.
    return isReadable() || hadWriter;
  }

  /** Reads after {@link #await} has said so. Returns 0 if there is nothing to read after all. */
  @Override
  public int read(ByteBuffer buffer) throws IOException {
    long address = BufferUtil.address(buffer) + buffer.position();
    int count = (int) Syscall.callOrErrno(Syscall.READ, file, address, buffer.remaining(), 0);
    if (count > 0) {
      buffer.position(buffer.position() + count);
      return count;
    }
    return switch (count) {
      case 0 -> -1;
      case -EAGAIN, -EINTR -> 0;
      default -> throw new IOException(Syscall.errorText(-count));
    };
  }

  @Override
  public boolean isOpen() {
    return isOpen;
  }

  @Override
  public void close() {
    if (isOpen && lock != NONE) {
      closeFile(lock);
    }
    isOpen = false;
  }

  private boolean isReadable() {
    poll.set(ValueLayout.JAVA_LONG, TIMESPEC_OFFSET, 0);
    // Set before each call, since the kernel writes the time that was left there.
    poll.set(ValueLayout.JAVA_LONG, TIMESPEC_OFFSET + Long.BYTES, WAIT_NANOS);
    long address = poll.address();
    return Syscall.call(Syscall.PPOLL, address, 1, address + TIMESPEC_OFFSET, 0) > 0;
  }

  private static int openExisting(Path path) throws IOException {
    int file = openFile(path);
    if (file < 0) {
      throw new IOException(Syscall.errorText(-file));
    }
    return file;
  }

  /** Returns a descriptor, or a negative error number. */
  private static int openFile(Path path) {
    try (Arena arena = Arena.ofConfined()) {
      Charset charset = Charset.forName(System.getProperty("sun.jnu.encoding"));
      long name = arena.allocateFrom(path.toString(), charset).address();
      int flags = O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
      return (int) Syscall.callOrErrno(Syscall.OPENAT, AT_FDCWD, name, flags, 0);
    }
  }

  /** Locks a file. Returns false, and closes the file, if another process has locked it. */
  private static boolean lock(int file) {
    // By flock(2). Unlike POSIX locks, these can exclude others even if the file is open only for
    // reading.
    if (Syscall.callOrErrno(Syscall.FLOCK, file, LOCK_EX | LOCK_NB, 0, 0) != -EAGAIN) {
      return true;
    }
    closeFile(file);
    return false;
  }

  private static void closeFile(int file) {
    Syscall.call(Syscall.CLOSE, file, 0, 0, 0);
  }
}
