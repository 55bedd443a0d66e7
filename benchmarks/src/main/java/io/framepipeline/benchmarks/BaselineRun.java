package io.framepipeline.benchmarks;

import io.framepipeline.common.config.ExitCode;
import io.framepipeline.common.config.ExitException;
import io.framepipeline.common.metrics.Buckets;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/** A {@link Baseline} that goes on until it is closed. */
final class BaselineRun implements Contender {
  private static final long POLL_NANOS = TimeUnit.MILLISECONDS.toNanos(20);

  private final Process process;
  private final Path count;

  /**
   * @param count file that the command has the number of frames in
   */
  BaselineRun(List<String> command, Path count) throws IOException {
    this.count = count;
    this.process =
        new ProcessBuilder(command)
            .redirectOutput(ProcessBuilder.Redirect.DISCARD)
            .redirectError(ProcessBuilder.Redirect.INHERIT)
            .start();
  }

  @Override
  public ProcessHandle process() {
    return process.toHandle();
  }

  @Override
  public void awaitFirstFrame() {
    while (frames() == 0) {
      if (!process.isAlive()) {
        throw new ExitException(
            ExitCode.INTERNAL, "the C program has ended, with exit code " + process.exitValue());
      }
      LockSupport.parkNanos(POLL_NANOS);
    }
  }

  @Override
  public Progress now() {
    return new Progress(System.nanoTime(), frames(), Buckets.noLatencies(), Map.of(), 0);
  }

  @Override
  public void close() {
    // Its children end with it.
    process.destroyForcibly();
    try {
      process.waitFor();
      Files.delete(count);
    } catch (IOException | InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  private long frames() {
    try {
      byte[] bytes = Files.readAllBytes(count);
      return bytes.length < Long.BYTES
          ? 0
          : ByteBuffer.wrap(bytes).order(ByteOrder.nativeOrder()).getLong();
    } catch (IOException e) {
      throw new ExitException(ExitCode.INTERNAL, "cannot read " + count + ": " + e.getMessage());
    }
  }
}
