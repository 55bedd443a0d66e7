package io.framepipeline.reader;

import io.framepipeline.common.frame.Frames;
import io.framepipeline.common.service.ExitCode;
import io.framepipeline.common.service.ExitException;
import java.io.FileDescriptor;
import java.io.FileInputStream;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * Where frames come from: a device, a regular file, a FIFO, or {@code -} for standard input.
 *
 * @param name as the user gave it
 */
public record Source(String name) {
  /** What is read if nothing else is asked for. */
  public static final String DEFAULT = "/dev/urandom";

  private static final String STANDARD_INPUT = "-";

  /** Whether this is standard input, which only one reader can read. */
  public boolean isStandardInput() {
    return name.equals(STANDARD_INPUT);
  }

  /**
   * Checks what can be known before reading.
   *
   * @throws ExitException with {@link ExitCode#NO_INPUT} if it cannot be read, or with {@link
   *     ExitCode#PARTIAL_FRAME} if it is a regular file of some frames and a bit, which is refused
   */
  public void check(PartialFrame partialFrame) {
    if (isStandardInput()) {
      return;
    }
    Path path = Path.of(name);
    if (!Files.exists(path)) {
      throw noInput("no such file");
    }
    if (Files.isDirectory(path)) {
      throw noInput("is a directory");
    }
    if (!Files.isReadable(path)) {
      throw noInput("may not be read by this user");
    }
    if (Files.isRegularFile(path) && partialFrame == PartialFrame.REFUSE) {
      refusePartialFrame(path);
    }
  }

  /**
   * Checks that it can be read again and again.
   *
   * @throws ExitException with {@link ExitCode#USAGE} if it is no regular file
   */
  public void checkRepeatable() {
    if (isStandardInput() || !Files.isRegularFile(Path.of(name))) {
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
        throw partialFrame("its size of %d bytes".formatted(bytes), remainder);
      }
    } catch (IOException e) {
      throw noInput(e.getMessage());
    }
  }

  /** The exception for an input that ends inside a frame. */
  ExitException partialFrame(String what, long remainder) {
    return new ExitException(
        ExitCode.PARTIAL_FRAME,
        "source %s: %s is no multiple of %d, %d bytes are left over; READER_PARTIAL_FRAME=pad (--partial-frame pad) fills the last frame with zero bytes"
            .formatted(name, what, Frames.BYTE_PAYLOAD_LENGTH, remainder));
  }

  /** The exception for an input that cannot be read. */
  ExitException noInput(String why) {
    return new ExitException(
        ExitCode.NO_INPUT,
        "source %s: %s; give a readable device, file or FIFO, or - for standard input"
            .formatted(name, why));
  }

  /** Opens it; waits, if it is a FIFO, until somebody opens the other end. */
  @SuppressWarnings("resource") // closing the channel closes the stream that it was taken from
  FileChannel open() throws IOException {
    return isStandardInput()
        ? new FileInputStream(FileDescriptor.in).getChannel()
        : FileChannel.open(Path.of(name));
  }
}
