package io.framepipeline.launcher;

import io.framepipeline.common.service.ExitCode;
import io.framepipeline.common.service.ExitException;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import org.agrona.IoUtil;

/**
 * Everything a run has in shared memory, in one directory named after the command's process: the
 * media driver's files and each instance's figures.
 */
final class RunDirectory {
  private static final Path SHARED_MEMORY = Path.of("/dev/shm");
  private static final String PREFIX = "frame-pipeline-";

  private RunDirectory() {}

  /** Makes this process's run directory; clears away what killed commands have left behind. */
  static Path create() {
    try {
      clearAwayOfTheDead();
      return Files.createDirectory(SHARED_MEMORY.resolve(PREFIX + ProcessHandle.current().pid()));
    } catch (IOException e) {
      throw new ExitException(
          ExitCode.INTERNAL, "%s: cannot be written: %s".formatted(SHARED_MEMORY, e.getMessage()));
    }
  }

  static void delete(Path directory) {
    IoUtil.delete(directory.toFile(), true);
  }

  private static void clearAwayOfTheDead() throws IOException {
    try (DirectoryStream<Path> runs = Files.newDirectoryStream(SHARED_MEMORY, PREFIX + "*")) {
      for (Path run : runs) {
        long pid = Long.parseLong(run.getFileName().toString().substring(PREFIX.length()));
        if (ProcessHandle.of(pid).isEmpty() && Files.isWritable(run)) {
          delete(run);
        }
      }
    }
  }
}
