package io.framepipeline.reader;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.util.concurrent.locks.LockSupport;

/**
 * Writes the bytes of results. In a regular file this class keeps the position itself, so that the
 * file holds whole results even after a failure. Anywhere else it writes at the end of what is
 * there.
 */
final class ResultsChannel {
  /**
   * A write of up to PIPE_BUF bytes to a pipe is never torn, nor mixed with another process's
   * write.
   */
  private static final int PIPE_BUF = 4096;

  private static final int FILE_BUFFER_LENGTH = 1 << 16;

  /**
   * Pause while a non-blocking standard output is full. Any process that shares it may have made it
   * non-blocking for all.
   */
  private static final long FULL_PARK_NANOS = 1_000_000;

  private final FileChannel channel;
  private final boolean isFile;
  private long position;

  private ResultsChannel(FileChannel channel, boolean isFile, long position) {
    this.channel = channel;
    this.isFile = isFile;
    this.position = position;
  }

  /**
   * For a regular file.
   *
   * @param position bytes that stay; a dead reader may have written more, which are written again
   */
  static ResultsChannel ofFile(FileChannel channel, long position) {
    return new ResultsChannel(channel, true, position);
  }

  /** For anything else, even if other processes write to it. */
  static ResultsChannel ofStream(FileChannel channel) {
    return new ResultsChannel(channel, false, 0);
  }

  /** Bytes of a regular file so far; 0 for anything else. */
  long position() {
    return position;
  }

  /** Makes a buffer for the bytes of one append. */
  ByteBuffer newBuffer() {
    return ByteBuffer.allocateDirect(isFile ? FILE_BUFFER_LENGTH : PIPE_BUF);
  }

  /** Appends all bytes. A regular file without room for all of them keeps none. */
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

  /** Overwrites the first bytes of a regular file. */
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
