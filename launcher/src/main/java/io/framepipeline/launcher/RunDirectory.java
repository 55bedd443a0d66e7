package io.framepipeline.launcher;

import io.framepipeline.common.service.ExitCode;
import io.framepipeline.common.service.ExitException;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import org.agrona.IoUtil;

/**
 * Everything a run has in shared memory, in one directory: the media driver's files and each
 * instance's figures. A file in it is locked while the command lives; the kernel unlocks it when
 * the command dies, however that happens.
 */
final class RunDirectory implements AutoCloseable {
  private static final Path SHARED_MEMORY = Path.of("/dev/shm");
  private static final String PREFIX = "frame-pipeline-";
  private static final String LOCK = "lock";

  private final Path path;
  private final FileChannel lock;

  private RunDirectory(Path path, FileChannel lock) {
    this.path = path;
    this.lock = lock;
  }

  /** Makes this process's run directory; clears away what killed commands have left behind. */
  static RunDirectory create() {
    try {
      clearAwayOfTheDead();
      Path path =
          Files.createDirectory(SHARED_MEMORY.resolve(PREFIX + ProcessHandle.current().pid()));
      FileChannel lock =
          FileChannel.open(
              path.resolve(LOCK), StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE);
      lock.lock();
      return new RunDirectory(path, lock);
    } catch (IOException e) {
      throw new ExitException(
          ExitCode.INTERNAL, "%s: cannot be written: %s".formatted(SHARED_MEMORY, e));
    }
  }

  Path path() {
    return path;
  }

  @Override
  public void close() throws IOException {
    lock.close();
    IoUtil.delete(path.toFile(), true);
  }

  private static void clearAwayOfTheDead() throws IOException {
    try (DirectoryStream<Path> runs = Files.newDirectoryStream(SHARED_MEMORY, PREFIX + "*")) {
      for (Path run : runs) {
        if (isOfTheDead(run.resolve(LOCK))) {
          IoUtil.delete(run.toFile(), true);
        }
      }
    }
  }

  private static boolean isOfTheDead(Path lockFile) throws IOException {
    if (!Files.isWritable(lockFile)) {
      return false;
    }
    try (FileChannel lock = FileChannel.open(lockFile, StandardOpenOption.WRITE)) {
      return lock.tryLock() != null;
    }
  }
}
