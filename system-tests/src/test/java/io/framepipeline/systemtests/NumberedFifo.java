package io.framepipeline.systemtests;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Random;

/**
 * A source without end: a FIFO that is fed frames as fast as they are read, each with its number in
 * its first bytes, so that its norm tells which frame it is of.
 */
final class NumberedFifo implements AutoCloseable {
  private static final int NUMBER_LENGTH = Long.BYTES;

  /** Frames differ in their numbers and, beyond those, in which of so many patterns they have. */
  private static final int PATTERNS = 64;

  private static final int BATCH = 16;

  private final byte[][] patterns = new byte[PATTERNS][Reference.FRAME_LENGTH];
  private final double[] patternSums = new double[PATTERNS];
  private final Path path;
  private final Thread feeder;
  private volatile boolean isEnded;

  /** Written by the feeder, read once it has ended. */
  private long frames;

  NumberedFifo(Path path, long seed) throws IOException, InterruptedException {
    this.path = path;
    Random random = new Random(seed);
    for (int pattern = 0; pattern < PATTERNS; pattern++) {
      random.nextBytes(patterns[pattern]);
      patternSums[pattern] =
          Reference.sumOfSquares(patterns[pattern], NUMBER_LENGTH, Reference.FRAME_LENGTH);
    }
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
    return frames;
  }

  /** The norm that a frame must have. */
  double norm(long number) {
    byte[] bytes = ByteBuffer.allocate(NUMBER_LENGTH).putLong(number).array();
    return Math.sqrt(
        patternSums[pattern(number)] + Reference.sumOfSquares(bytes, 0, NUMBER_LENGTH));
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
          long number = frames + i;
          batch.put(patterns[pattern(number)]).putLong(i * Reference.FRAME_LENGTH, number);
        }
        batch.flip();
        while (batch.hasRemaining()) {
          fifo.write(batch);
        }
        frames += BATCH;
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static int pattern(long number) {
    return (int) (number % PATTERNS);
  }
}
