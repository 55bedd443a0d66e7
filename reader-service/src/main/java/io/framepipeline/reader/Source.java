package io.framepipeline.reader;

import io.framepipeline.common.config.ExitCode;
import io.framepipeline.common.config.ExitException;
import io.framepipeline.common.config.Settings;
import io.framepipeline.common.wire.Frames;
import java.io.FileDescriptor;
import java.io.FileInputStream;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.ReadableByteChannel;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Map;
import java.util.Set;

/**
 * Where frames come from: a device, a regular file, a FIFO, or {@code -} for standard input.
 *
 * @param name as the user gave it
 */
public record Source(String name) {
  /** What is read if nothing else is asked for. */
  public static final String DEFAULT = "/dev/urandom";

  private static final String STANDARD_INPUT = "-";
  private static final Path STANDARD_INPUT_PATH = Path.of("/proc/self/fd/0");
  private static final Path STANDARD_INPUT_FLAGS = Path.of("/proc/self/fdinfo/0");

  /**
   * The same file, opened anew: for reading even if standard input is not. A stream is not opened
   * by these: a socket cannot be, and a FIFO would wait for another writer.
   */
  private static final Set<String> STANDARD_INPUT_NAMES =
      Set.of(STANDARD_INPUT, "/dev/stdin", "/dev/fd/0", STANDARD_INPUT_PATH.toString());

  private static final int ACCESS_MODE = 3;
  private static final int WRITE_ONLY = 1;

  /** The kinds of files, as in stat(2). */
  private static final int KIND = 0xf000;

  private static final int SOCKET = 0xc000;
  private static final int REGULAR_FILE = 0x8000;
  private static final int BLOCK_DEVICE = 0x6000;
  private static final int DIRECTORY = 0x4000;
  private static final int CHARACTER_DEVICE = 0x2000;

  /** The major number of /dev/zero, /dev/urandom and the like. */
  private static final long MEMORY_DEVICES = 1;

  /** Whether this is standard input. */
  public boolean isStandardInput() {
    return name.equals(STANDARD_INPUT);
  }

  /**
   * Its path; that of standard input, too.
   *
   * @throws ExitException with {@link ExitCode#USAGE} if Java cannot represent it
   */
  public Path path() {
    return isStandardInput() ? STANDARD_INPUT_PATH : Settings.toPath("READER_SOURCE", name);
  }

  /**
   * Checks what can be known before reading.
   *
   * @throws ExitException with {@link ExitCode#NO_INPUT} if it cannot be read, or with {@link
   *     ExitCode#PARTIAL_FRAME} if it is a regular file of some frames and a bit, which is refused
   */
  public void check(PartialFrame partialFrame) {
    Path path = path();
    int kind = kind(attributes(path));
    if (kind == DIRECTORY) {
      throw noInput("is a directory");
    }
    boolean isInherited = STANDARD_INPUT_NAMES.contains(name);
    if (isInherited && isStandardInputWriteOnly()) {
      throw noInput("standard input is closed, or cannot be read");
    }
    if (isStandardInput()) {
      return;
    }
    if (kind == SOCKET && !isInherited) {
      throw noInput("is a socket");
    }
    if (!Files.isReadable(path)) {
      throw noInput("may not be read by this user");
    }
    if (kind == REGULAR_FILE && partialFrame == PartialFrame.REFUSE) {
      refusePartialFrame(path);
    }
  }

  /**
   * Checks that so many readers can read it. What is consumed by reading it, such as a pipe, can be
   * read by one only: of two each would get some bytes of a frame.
   *
   * @param asking name of what asks for them
   * @throws ExitException with {@link ExitCode#USAGE} if they cannot
   */
  public void checkReaders(String asking, int count) {
    if (count > 1 && (isStandardInput() || isStream(attributes(path())))) {
      throw new ExitException(
          ExitCode.USAGE,
          "%s=%s: %s can be read by one reader only"
              .formatted(asking, count, isStandardInput() ? "standard input" : name));
    }
  }

  /**
   * Checks that it can be read again and again.
   *
   * @throws ExitException with {@link ExitCode#USAGE} if it is no regular file
   */
  public void checkRepeatable() {
    if (isStandardInput() || !Files.isRegularFile(path())) {
      throw new ExitException(
          ExitCode.USAGE,
          "source %s: no regular file; READER_REPEAT (--repeat) reads a file from its start again, leave it out"
              .formatted(name));
    }
  }

  private void refusePartialFrame(Path path) {
    try {
      long bytes = Files.size(path);
      long remainder = bytes % Frames.BYTE_PAYLOAD_LENGTH;
      if (remainder != 0) {
        throw partialFrame("its size of %s bytes".formatted(bytes), remainder);
      }
    } catch (IOException e) {
      throw noInput(e.getMessage());
    }
  }

  /** The exception for an input that ends inside a frame. */
  ExitException partialFrame(String what, long remainder) {
    return new ExitException(
        ExitCode.PARTIAL_FRAME,
        "source %s: %s is no multiple of %s, %s bytes are left over; READER_PARTIAL_FRAME=pad (--partial-frame pad) fills the last frame with zero bytes"
            .formatted(name, what, Frames.BYTE_PAYLOAD_LENGTH, remainder));
  }

  /** The exception for an input that cannot be read. */
  ExitException noInput(String why) {
    return new ExitException(
        ExitCode.NO_INPUT,
        "source %s: %s; give a readable device, file or FIFO, or - for standard input"
            .formatted(name, why));
  }

  /**
   * Opens it, without waiting for anybody.
   *
   * @throws ExitException with {@link ExitCode#USAGE} if it can be read by one reader only, which
   *     another process is
   */
  ReadableByteChannel open() throws IOException {
    Path path = path();
    try {
      return isStream(attributes(path)) ? openStream(path) : openFile(path);
    } catch (LinkageError e) {
      // No system calls are known here. Whoever opens a FIFO waits for its other end, then.
      return openFile(path);
    }
  }

  private StreamChannel openStream(Path path) throws IOException {
    StreamChannel stream =
        STANDARD_INPUT_NAMES.contains(name)
            ? StreamChannel.standardInput(path)
            : StreamChannel.open(path);
    if (stream == null) {
      throw new ExitException(
          ExitCode.USAGE,
          "source %s: another process reads it already, and of two each would get some bytes of a frame; give each an input of its own"
              .formatted(name));
    }
    return stream;
  }

  @SuppressWarnings("resource") // closing the channel closes the stream that it was taken from
  private FileChannel openFile(Path path) throws IOException {
    return isStandardInput()
        ? new FileInputStream(FileDescriptor.in).getChannel()
        : FileChannel.open(path);
  }

  private Map<String, Object> attributes(Path path) {
    try {
      return Files.readAttributes(path, "unix:mode,rdev");
    } catch (NoSuchFileException e) {
      throw noInput("no such file");
    } catch (AccessDeniedException e) {
      throw noInput("may not be read by this user");
    } catch (FileSystemException e) {
      throw noInput(e.getReason());
    } catch (IOException e) {
      throw noInput(e.getMessage());
    }
  }

  private static boolean isStandardInputWriteOnly() {
    try {
      return Files.readAllLines(STANDARD_INPUT_FLAGS).stream()
          .filter(line -> line.startsWith("flags:"))
          .mapToInt(line -> Integer.parseInt(line.substring("flags:".length()).strip(), 8))
          .anyMatch(flags -> (flags & ACCESS_MODE) == WRITE_ONLY);
    } catch (IOException e) {
      // There is none.
      return true;
    }
  }

  /** Whether it is consumed by reading it. */
  private static boolean isStream(Map<String, Object> attributes) {
    return switch (kind(attributes)) {
      case REGULAR_FILE, BLOCK_DEVICE -> false;
      case CHARACTER_DEVICE -> major((long) attributes.get("rdev")) != MEMORY_DEVICES;
      default -> true;
    };
  }

  private static int kind(Map<String, Object> attributes) {
    return (int) attributes.get("mode") & KIND;
  }

  /** The major number of a device, as in makedev(3). */
  private static long major(long device) {
    return (device >> 8 & 0xfff) | (device >> 32 & ~0xfff);
  }
}
