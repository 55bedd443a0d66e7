package io.framepipeline.systemtests;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/**
 * A source without end: a FIFO that is fed frames as fast as they are read, each with its number in
 * its first bytes, so that its norm tells which frame it is of.
 */
final class NumberedFifo implements AutoCloseable {
  private static final int BATCH = 16;

  private final NumberedFrames numbered;
  private final Path path;
  private final Thread feeder;
  private volatile boolean isEnded;

  /** Written by the feeder, read once it has ended. */
  private long frames;

  /** Likewise; null unless the FIFO's reader has gone away. */
  private IOException failure;

  NumberedFifo(Path path, long seed) throws IOException, InterruptedException {
    this.path = path;
    this.numbered = new NumberedFrames(seed);
    assertThat(new ProcessBuilder("mkfifo", path.toString()).start().waitFor()).isZero();
    feeder = Thread.ofPlatform().name("feeder").daemon().start(this::feed);
  }

  Path path() {
    return path;
  }

  /** Ends the input; returns how many frames there were. */
  long end() throws InterruptedException {
    isEnded = true;
    feeder.join();
    assertThat(failure).isNull();
    return frames;
  }

  /** The norm that a frame must have. */
  double norm(long number) {
    return numbered.norm(number);
  }

  @Override
  public void close() {
    isEnded = true;
  }

  private void feed() {
    ByteBuffer batch = ByteBuffer.allocateDirect(BATCH * Reference.FRAME_LENGTH);
    try (FileChannel fifo = FileChannel.open(path, StandardOpenOption.WRITE)) {
      while (!isEnded) {
        batch.clear();
        for (int i = 0; i < BATCH; i++) {
          numbered.put(batch, frames + i);
        }
        batch.flip();
        while (batch.hasRemaining()) {
          fifo.write(batch);
        }
        frames += BATCH;
      }
    } catch (IOException e) {
      failure = e;
    }
  }
}
