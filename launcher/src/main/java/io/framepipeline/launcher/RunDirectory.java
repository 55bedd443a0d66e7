package io.framepipeline.launcher;

import io.framepipeline.common.config.ExitCode;
import io.framepipeline.common.config.ExitException;
import io.framepipeline.common.linux.FileIdentity;
import io.framepipeline.common.metrics.FiguresDirectory;
import io.framepipeline.common.service.LocalRun;
import io.framepipeline.common.transport.DriverConnection;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.DirectoryStream;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;

/**
 * The directory of everything that a run has in shared memory: the media driver's files, each
 * instance's figures, and files by which other commands learn of the run and ask for instances. A
 * file in it is locked while the command lives. The kernel unlocks it when the command dies,
 * however that happens.
 *
 * <p>All users may write to shared memory. So only its user may enter the directory. This class
 * never looks into other users' directories, or links, whatever their names.
 */
final class RunDirectory implements AutoCloseable {
  static final Path SHARED_MEMORY = Path.of("/dev/shm");
  private static final Path PROCESS = Path.of("/proc/self");
  private static final FileAttribute<Set<PosixFilePermission>> PRIVATE =
      PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------"));
  private static final String PREFIX = "frame-pipeline-";
  private static final String LOCK = "lock";

  private final Path path;
  private final FileChannel lock;
  private final FileIdentity directory;

  /**
   * The files that a run needs and that nothing makes again. The driver's own files are made again.
   */
  private final List<FileIdentity> needed;

  private RunDirectory(Path path, FileChannel lock) {
    this.path = path;
    this.lock = lock;
    this.directory = new FileIdentity(path);
    this.needed =
        Stream.concat(
                Stream.of(path.resolve(LOCK), FiguresDirectory.path(LocalRun.aeronDirectory(path))),
                DriverConnection.sharedFiles(LocalRun.aeronDirectory(path)).stream())
            .map(FileIdentity::new)
            .toList();
    directory.isGone();
    missing();
  }

  /** Makes this process's run directory. Deletes what killed commands have left behind. */
  static RunDirectory create() {
    return create(SHARED_MEMORY);
  }

  static RunDirectory create(Path sharedMemory) {
    try {
      for (Path run : runs(sharedMemory, false)) {
        LocalRun.delete(run);
      }
      Path path = createPrivateDirectory(sharedMemory);
      // Locked before it has its name, so that a command that starts now does not take its owner
      // for dead.
      Path unnamed = path.resolve(LOCK + ".new");
      FileChannel lock =
          FileChannel.open(unnamed, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE);
      lock.lock();
      Files.move(unnamed, path.resolve(LOCK));
      return new RunDirectory(path, lock);
    } catch (IOException e) {
      throw new ExitException(
          ExitCode.INTERNAL, "%s: cannot be written: %s".formatted(sharedMemory, e));
    }
  }

  /** The run directories of this user's running commands, sorted by name. */
  static List<Path> running() {
    return running(SHARED_MEMORY);
  }

  /** The run directories in a directory whose commands are running. */
  static List<Path> running(Path directory) {
    try {
      List<Path> running = runs(directory, true);
      running.sort(null);
      return running;
    } catch (IOException e) {
      throw new ExitException(ExitCode.INTERNAL, "%s: cannot be read: %s".formatted(directory, e));
    }
  }

  Path path() {
    return path;
  }

  /** A needed file that was deleted or replaced during this run; usually empty. */
  Optional<Path> missing() {
    return needed.stream().filter(FileIdentity::isGone).map(FileIdentity::path).findFirst();
  }

  @Override
  public void close() throws IOException {
    lock.close();
    if (!directory.isGone()) {
      LocalRun.delete(path);
    }
  }

  private static Path createPrivateDirectory(Path sharedMemory) throws IOException {
    String name = PREFIX + ProcessHandle.current().pid();
    Path path;
    try {
      path = Files.createDirectory(sharedMemory.resolve(name), PRIVATE);
    } catch (FileAlreadyExistsException e) {
      // Another PID namespace has a process of this number, too; or another user blocks the name.
      path = Files.createTempDirectory(sharedMemory, name + "-", PRIVATE);
    }
    // Restores the permissions that the umask has taken away.
    return Files.setPosixFilePermissions(path, PRIVATE.value());
  }

  /** The run directories whose commands are running, or else those whose commands are dead. */
  private static List<Path> runs(Path directory, boolean isRunning) throws IOException {
    List<Path> found = new ArrayList<>();
    try (DirectoryStream<Path> runs = Files.newDirectoryStream(directory, PREFIX + "*")) {
      for (Path run : runs) {
        Path lockFile = run.resolve(LOCK);
        if (isOwn(run) && Files.isWritable(lockFile) && isLocked(lockFile) == isRunning) {
          found.add(run);
        }
      }
    }
    return found;
  }

  /** Whether this is a directory of this user's, and no link to one. */
  private static boolean isOwn(Path run) throws IOException {
    try {
      return Files.isDirectory(run, LinkOption.NOFOLLOW_LINKS)
          && Files.getOwner(run, LinkOption.NOFOLLOW_LINKS).equals(Files.getOwner(PROCESS));
    } catch (NoSuchFileException e) {
      // Its command has just ended.
      return false;
    }
  }

  /** Whether a living command holds the lock. Must not be called for this process's own lock. */
  private static boolean isLocked(Path lockFile) throws IOException {
    try (FileChannel lock = FileChannel.open(lockFile, StandardOpenOption.WRITE)) {
      return lock.tryLock() == null;
    } catch (NoSuchFileException e) {
      // Its command has just ended.
      return false;
    }
  }
}
