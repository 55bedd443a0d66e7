package io.framepipeline.reader;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.util.concurrent.locks.LockSupport;

/**
 * Where results go, byte by byte. In a regular file at a position that is known here, so that it
 * holds whole results after a failure, too; elsewhere at the end of whatever is there.
 */
final class ResultsChannel {
  /** A write of up to PIPE_BUF bytes to a pipe is never torn, nor mixed with another process's. */
  private static final int PIPE_BUF = 4096;

  private static final int FILE_BUFFER_LENGTH = 1 << 16;

  /** Somebody may have made standard output non-blocking, for all who have it. */
  private static final long FULL_PARK_NANOS = 1_000_000;

  private final FileChannel channel;
  private final boolean isFile;
  private long position;

  private ResultsChannel(FileChannel channel, boolean isFile) {
    this.channel = channel;
    this.isFile = isFile;
  }

  /** A regular file, new and empty. */
  static ResultsChannel ofFile(FileChannel channel) {
    return new ResultsChannel(channel, true);
  }

  /** Anything else, also if others write to it. */
  static ResultsChannel ofStream(FileChannel channel) {
    return new ResultsChannel(channel, false);
  }

  /** A buffer for what is appended at once. */
  ByteBuffer newBuffer() {
    return ByteBuffer.allocateDirect(isFile ? FILE_BUFFER_LENGTH : PIPE_BUF);
  }

  /** Appends all bytes; a regular file that has no room for them keeps none. */
  void append(ByteBuffer bytes) throws IOException {
    if (!isFile) {
      while (bytes.hasRemaining()) {
        if (channel.write(bytes) == 0) {
          LockSupport.parkNanos(FULL_PARK_NANOS);
        }
      }
      return;
    }
    try {
      position = write(bytes, position);
    } catch (IOException e) {
      if (channel.isOpen()) {
        channel.truncate(position);
      }
      throw e;
    }
  }

  /** Writes over the first bytes of a regular file. */
  void writeAtStart(ByteBuffer bytes) throws IOException {
    long end = write(bytes, 0);
    position = Math.max(position, end);
  }

  private long write(ByteBuffer bytes, long start) throws IOException {
    long end = start;
    while (bytes.hasRemaining()) {
      end += channel.write(bytes, end);
    }
    return end;
  }
}
