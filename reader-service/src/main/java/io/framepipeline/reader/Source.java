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
 * What a reader reads: a device, a regular file, a FIFO, {@code -} for standard input, or {@code
 * kafka:TOPIC}.
 *
 * @param name as the user gave it
 */
public record Source(String name) {
  /** The source if no other is given. */
  public static final String DEFAULT = "/dev/urandom";

  private static final String STANDARD_INPUT = "-";
  private static final Path STANDARD_INPUT_PATH = Path.of("/proc/self/fd/0");
  private static final Path STANDARD_INPUT_FLAGS = Path.of("/proc/self/fdinfo/0");

  /**
   * Names of standard input. Opening one opens the same file anew, for reading even if standard
   * input is not open for reading. A stream is not opened by these names: a socket cannot be, and a
   * FIFO would wait for another writer.
   */
  private static final Set<String> STANDARD_INPUT_NAMES =
      Set.of(STANDARD_INPUT, "/dev/stdin", "/dev/fd/0", STANDARD_INPUT_PATH.toString());

  private static final int ACCESS_MODE = 3;
  private static final int WRITE_ONLY = 1;

  /** The kinds of files, as in stat(2). */
  private static final int KIND = 0xf000;

  private static final int SOCKET = 0xc000;
  private static final int FIFO = 0x1000;
  private static final int REGULAR_FILE = 0x8000;
  private static final int BLOCK_DEVICE = 0x6000;
  private static final int DIRECTORY = 0x4000;
  private static final int CHARACTER_DEVICE = 0x2000;

  /** The major number of /dev/zero, /dev/urandom and the like. */
  private static final long MEMORY_DEVICES = 1;

  /**
   * Tells one file from another.
   *
   * @param device the file's device; for a device its own number
   * @param number the file's inode; for a device 0, since its name may be made anew
   */
  record Identity(long device, long number) {}

  public boolean isStandardInput() {
    return name.equals(STANDARD_INPUT);
  }

  /** The source's Kafka topic; null if it is none. */
  public String topic() {
    return KafkaSettings.topicOf("READER_SOURCE", name);
  }

  /**
   * The source's path; standard input has one, too.
   *
   * @throws ExitException with {@link ExitCode#USAGE} if Java cannot represent it
   */
  public Path path() {
    return isStandardInput() ? STANDARD_INPUT_PATH : Settings.toPath("READER_SOURCE", name);
  }

  /**
   * Checks what can be known before reading.
   *
   * @throws ExitException with {@link ExitCode#NO_INPUT} if the source cannot be read, or with
   *     {@link ExitCode#PARTIAL_FRAME} if it is a regular file that ends inside a frame, and such
   *     an end is refused
   */
  public void check(PartialFrame partialFrame) {
    if (topic() != null) {
      // Only a broker can tell more, and it may not be there yet.
      return;
    }
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
   * Checks that this many readers can read the source. Reading consumes some sources, such as a
   * pipe. Only one reader can read those: two readers would each get some bytes of a frame.
   *
   * @param asking name of the option or stage that asks for the readers
   * @throws ExitException with {@link ExitCode#USAGE} if they cannot
   */
  public void checkReaders(String asking, int count) {
    if (count > 1 && topic() == null && (isStandardInput() || isStream(attributes(path())))) {
      throw new ExitException(
          ExitCode.USAGE,
          "%s=%s: %s can be read by one reader only"
              .formatted(asking, count, isStandardInput() ? "standard input" : name));
    }
  }

  /**
   * Checks that the source can be read again and again.
   *
   * @throws ExitException with {@link ExitCode#USAGE} if it is no regular file
   */
  public void checkRepeatable() {
    if (topic() != null || isStandardInput() || !Files.isRegularFile(path())) {
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

  /** Which file the source is now. */
  Identity identity() {
    Map<String, Object> attributes = attributes(path());
    return switch (kind(attributes)) {
      case CHARACTER_DEVICE, BLOCK_DEVICE -> new Identity((long) attributes.get("rdev"), 0);
      default -> new Identity((long) attributes.get("dev"), (long) attributes.get("ino"));
    };
  }

  /** Whether each byte of the source can be read again. */
  boolean isSeekable() {
    int kind = kind(attributes(path()));
    return kind == REGULAR_FILE || kind == BLOCK_DEVICE;
  }

  /** A second reading end of a source. */
  @FunctionalInterface
  public interface Hold extends AutoCloseable {
    @Override
    void close();
  }

  /**
   * Keeps a FIFO's reading end open, and reads nothing, until the result is closed. So the FIFO's
   * writer waits while a killed reader is replaced, and gets no EPIPE. Does nothing for other
   * sources.
   */
  public Hold hold() {
    try {
      if (topic() == null && !isStandardInput() && kind(attributes(path())) == FIFO) {
        return StreamChannel.hold(path())::close;
      }
    } catch (IOException | LinkageError e) {
      // The reader will say so, if it cannot open it either.
    }
    return () -> {};
  }

  /**
   * Opens the source without waiting for another process.
   *
   * @param wasRead whether an earlier reader has read something of it
   * @throws ExitException with {@link ExitCode#USAGE} if only one reader can read the source, and
   *     another process does already
   */
  ReadableByteChannel open(boolean wasRead) throws IOException {
    Path path = path();
    try {
      return isStream(attributes(path)) ? openStream(path, wasRead) : openFile(path);
    } catch (LinkageError e) {
      // System calls are not available here, so opening a FIFO waits for its other end.
      return openFile(path);
    }
  }

  private StreamChannel openStream(Path path, boolean wasRead) throws IOException {
    StreamChannel stream =
        STANDARD_INPUT_NAMES.contains(name)
            ? StreamChannel.standardInput(path)
            : StreamChannel.open(path, wasRead);
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
      return Files.readAttributes(path, "unix:mode,rdev,dev,ino");
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
      // There is no standard input.
      return true;
    }
  }

  /** Whether reading consumes the input. */
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
