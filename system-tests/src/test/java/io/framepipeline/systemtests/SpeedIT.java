package io.framepipeline.systemtests;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * That the pipeline has not become slower by a factor: a sleep in the wrong place, code that is not
 * compiled, an object for each vector. Rates are compared with one of the same minute, with much to
 * spare; what it really does is measured by {@code ./pipeline bench}.
 */
@Timeout(value = 5, unit = TimeUnit.MINUTES)
class SpeedIT {
  private static final int READ_LENGTH = 16 * Reference.FRAME_LENGTH;
  private static final int FRAMES = 100_000;
  private static final int WARM_UP_FRAMES = 4 * FRAMES;

  /** Nine tenths, on an idle machine. */
  private static final double LEAST_SHARE_OF_READ_LOOP = 0.25;

  /** Four times as fast, on an idle machine. */
  private static final double LEAST_SHARE_FROM_MEMORY = 1;

  @TempDir private Path directory;

  @Test
  void shouldKeepUpWithItsSource() throws Exception {
    double fromRandom = pipelineRate();
    double readLoop = readLoopRate();
    double fromMemory = pipelineRate("--source=/dev/zero");

    assertThat(fromRandom / readLoop)
        .as("%.0f frames/s from /dev/urandom, read alone %.0f", fromRandom, readLoop)
        .isGreaterThan(LEAST_SHARE_OF_READ_LOOP);
    assertThat(fromMemory / readLoop)
        .as("%.0f frames/s from /dev/zero, /dev/urandom read alone %.0f", fromMemory, readLoop)
        .isGreaterThan(LEAST_SHARE_FROM_MEMORY);
  }

  private double pipelineRate(String... options) throws Exception {
    try (PipelineProcess run = PipelineProcess.run(directory, options)) {
      run.awaitAcknowledged(WARM_UP_FRAMES);
      long startNanos = System.nanoTime();
      run.awaitFurtherAcknowledged(FRAMES);
      double rate = FRAMES * 1e9 / (System.nanoTime() - startNanos);
      run.assertDrains();
      return rate;
    }
  }

  private static double readLoopRate() throws IOException {
    try (FileChannel source = FileChannel.open(Path.of("/dev/urandom"))) {
      ByteBuffer buffer = ByteBuffer.allocateDirect(READ_LENGTH);
      long startNanos = System.nanoTime();
      for (int frames = 0; frames < FRAMES; frames += READ_LENGTH / Reference.FRAME_LENGTH) {
        assertThat(source.read(buffer.clear())).isEqualTo(READ_LENGTH);
      }
      return FRAMES * 1e9 / (System.nanoTime() - startNanos);
    }
  }
}
