package io.framepipeline.reader;

import io.framepipeline.common.linux.OwnFiles;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.agrona.CloseHelper;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Numbers the readers that share a media driver's memory, from 0 on, and finds the files of dead
 * ones. They are in a directory beside the driver's, which outlives drivers. Only readers delete
 * anything there. One lock guards all of this; the files of living readers have locks of their own.
 */
final class ReaderFiles {
  private static final Logger LOG = LoggerFactory.getLogger(ReaderFiles.class);
  private static final String LOCK = "lock";

  /** Much longer than a reader takes to find a number and to make its files. */
  private static final long LOCK_LIMIT_NANOS = TimeUnit.SECONDS.toNanos(10);

  private static final long LOCK_PAUSE_NANOS = TimeUnit.MILLISECONDS.toNanos(2);

  /**
   * This process's own readers. Closing one of their files would free its lock, and Java closes a
   * file that nothing refers to.
   */
  private static final Map<Path, ReaderFile> OWN = new ConcurrentHashMap<>();

  private final Path aeronDirectory;
  private final Path directory;

  ReaderFiles(Path aeronDirectory) {
    this.aeronDirectory = aeronDirectory;
    this.directory = aeronDirectory.resolveSibling(aeronDirectory.getFileName() + ".readers");
  }

  /**
   * Goes on with the files of a dead reader that had the same settings. If there is none, makes new
   * files, under the lowest number that is free.
   *
   * @param settings that a reader and its successor have in common
   * @throws IOException if there is no room for them
   */
  @SuppressWarnings("try") // locked to the end
  ReaderFile open(String settings, int windowFrames) throws IOException {
    OwnFiles.makeDirectory(directory);
    try (FileChannel lockFile = lock()) {
      for (int number = 0; ; number++) {
        Path path = directory.resolve(Integer.toString(number));
        ReaderFile file =
            Files.exists(path, LinkOption.NOFOLLOW_LINKS)
                ? goOn(path, settings)
                : ReaderFile.create(aeronDirectory, path, settings, windowFrames);
        if (file != null) {
          OWN.put(path, file);
          return file;
        }
      }
    }
  }

  /**
   * Makes a ring for a reader whose frames another one reads again if it is killed.
   *
   * @throws IOException if there is no room for it
   */
  @SuppressWarnings("try") // locked to the end
  ReaderFile openForProcess(int windowFrames) throws IOException {
    OwnFiles.makeDirectory(directory);
    try (FileChannel lockFile = lock()) {
      int number = 0;
      while (Files.exists(directory.resolve(Integer.toString(number)), LinkOption.NOFOLLOW_LINKS)) {
        number++;
      }
      Path path = Files.createFile(directory.resolve(Integer.toString(number)));
      return ReaderFile.ofProcess(aeronDirectory, path, windowFrames);
    }
  }

  /**
   * Deletes the files of a reader that is refused at its start, so that the next one gets its
   * number. Those of a dead reader, whose place it was to take, stay for the next successor.
   */
  @SuppressWarnings("try") // locked to the end
  void discard(ReaderFile file) {
    if (file.generation() > 0) {
      return;
    }
    try (FileChannel lockFile = lock()) {
      file.discard();
      OWN.values().remove(file);
    } catch (IOException e) {
      // Without the lock the number is lost, but nothing else.
      file.delete();
    }
  }

  /** Goes on with a reader's files; returns null if it lives, has ended or had other settings. */
  private ReaderFile goOn(Path path, String settings) throws IOException {
    if (OWN.containsKey(path)) {
      return null;
    }
    if (Files.size(path) == 0) {
      ReaderFile.deleteParts(path);
      return null;
    }
    FileChannel file = OwnFiles.open(path);
    ReaderFile adopted = null;
    try {
      FileLock lock = file.tryLock();
      if (lock != null && ReaderFile.hasEnded(file)) {
        ReaderFile.empty(path);
        ReaderFile.deleteParts(path);
      } else if (lock != null) {
        adopted = ReaderFile.goOn(aeronDirectory, path, file, settings);
        if (adopted == null) {
          LOG.warn(
              "reader {} was killed with other settings, so its frames stay in {}; start a reader with these settings, or empty the file",
              path.getFileName(),
              path);
        } else {
          LOG.warn("going on in place of reader {}, which was killed", path.getFileName());
        }
      }
    } catch (IOException e) {
      LOG.warn("cannot go on in place of reader {}: {}", path.getFileName(), e.toString());
    } finally {
      if (adopted == null) {
        CloseHelper.quietClose(file);
      }
    }
    return adopted;
  }

  private FileChannel lock() throws IOException {
    FileChannel file = OwnFiles.openOrCreate(directory.resolve(LOCK));
    long deadlineNanos = System.nanoTime() + LOCK_LIMIT_NANOS;
    try {
      while (!isLocked(file)) {
        if (System.nanoTime() - deadlineNanos >= 0) {
          throw new IOException(directory.resolve(LOCK) + ": another reader keeps it locked");
        }
        LockSupport.parkNanos(LOCK_PAUSE_NANOS);
      }
      return file;
    } catch (IOException e) {
      file.close();
      throw e;
    }
  }

  private static boolean isLocked(FileChannel file) throws IOException {
    try {
      return file.tryLock() != null;
    } catch (OverlappingFileLockException e) {
      return false;
    }
  }
}
