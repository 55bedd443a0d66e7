package io.framepipeline.benchmarks;

import io.framepipeline.common.config.ExitCode;
import io.framepipeline.common.config.ExitException;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Random;

/**
 * A file of random bytes, the same each time, which is deleted when it is closed, or at the end of
 * this process: in shared memory it would take room until the machine is restarted.
 */
record RandomFile(Path path) implements AutoCloseable {
  private static final int MEBIBYTE = 1 << 20;

  /**
   * Makes a file.
   *
   * @throws ExitException if there is no room for it
   */
  static RandomFile create(Path directory, int mebibytes) {
    try {
      RandomFile file = new RandomFile(Files.createTempFile(directory, "bench-", ".frames"));
      file.path.toFile().deleteOnExit();
      file.write(mebibytes);
      return file;
    } catch (IOException e) {
      throw new ExitException(
          ExitCode.INTERNAL,
          "%s: cannot hold a file of %s MiB: %s; make room there"
              .formatted(directory, mebibytes, e.getMessage()));
    }
  }

  private void write(int mebibytes) throws IOException {
    Random random = new Random(1);
    byte[] bytes = new byte[MEBIBYTE];
    try (OutputStream out = Files.newOutputStream(path)) {
      for (int i = 0; i < mebibytes; i++) {
        random.nextBytes(bytes);
        out.write(bytes);
      }
    }
  }

  @Override
  public void close() {
    try {
      Files.delete(path);
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }
}
