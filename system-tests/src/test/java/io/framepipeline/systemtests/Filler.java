package io.framepipeline.systemtests;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.FileStore;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/** Keeps a file system full until it is closed: takes what others free at once. */
final class Filler implements AutoCloseable {
  private static final int BLOCK_LENGTH = 4096;
  private static final long INTERVAL_NANOS = TimeUnit.MICROSECONDS.toNanos(200);

  private final Path file;
  private final FileStore fileStore;
  private final long spareBytes;
  private final Thread thread;
  private volatile boolean isFull;
  private volatile boolean isClosed;

  /**
   * Begins to fill.
   *
   * @param spareBytes what to leave
   */
  Filler(Path directory, long spareBytes) throws IOException {
    this.file = directory.resolve("filler");
    this.fileStore = Files.getFileStore(directory);
    this.spareBytes = spareBytes;
    this.thread = Thread.ofPlatform().name("filler").daemon().start(this::run);
  }

  /** Whether no more was left than what is to be left, at least once. */
  boolean isFull() {
    return isFull;
  }

  @Override
  public void close() throws IOException {
    isClosed = true;
    try {
      thread.join();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    Files.delete(file);
  }

  private void run() {
    while (!isClosed) {
      try (FileChannel channel =
          FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.APPEND)) {
        while (!isClosed) {
          if (fileStore.getUsableSpace() > spareBytes) {
            channel.write(ByteBuffer.allocate(BLOCK_LENGTH));
          } else {
            isFull = true;
            LockSupport.parkNanos(INTERVAL_NANOS);
          }
        }
      } catch (IOException e) {
        // Somebody else took the last page; there may be another one soon.
        isFull = true;
      }
    }
  }
}
