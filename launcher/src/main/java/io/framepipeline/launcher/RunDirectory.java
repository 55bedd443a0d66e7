package io.framepipeline.launcher;

import io.framepipeline.common.config.ExitCode;
import io.framepipeline.common.config.ExitException;
import io.framepipeline.common.linux.FileIdentity;
import io.framepipeline.common.service.LocalRun;
import io.framepipeline.common.transport.DriverConnection;
import java.io.IOException;
import java.net.UnixDomainSocketAddress;
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
 * Everything a run has in shared memory, in one directory: the media driver's files, each
 * instance's figures, and the socket by which other commands ask. A file in it is locked while the
 * command lives; the kernel unlocks it when the command dies, however that happens.
 *
 * <p>Shared memory is for all users to write to. So nobody but its user may enter the directory,
 * and others' directories, or links, are never looked into, whatever they are called.
 */
final class RunDirectory implements AutoCloseable {
  private static final Path SHARED_MEMORY = Path.of("/dev/shm");
  private static final Path PROCESS = Path.of("/proc/self");
  private static final FileAttribute<Set<PosixFilePermission>> PRIVATE =
      PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------"));
  private static final String PREFIX = "frame-pipeline-";
  private static final String LOCK = "lock";
  private static final String CONTROL = "control";

  private final Path path;
  private final FileChannel lock;
  private final FileIdentity directory;

  /** What nothing works without, and nothing makes again; the driver's own files it does. */
  private final List<FileIdentity> needed;

  private RunDirectory(Path path, FileChannel lock) {
    this.path = path;
    this.lock = lock;
    this.directory = new FileIdentity(path);
    this.needed =
        Stream.concat(
                Stream.of(path.resolve(LOCK)),
                DriverConnection.sharedFiles(LocalRun.aeronDirectory(path)).stream())
            .map(FileIdentity::new)
            .toList();
    directory.isGone();
    missing();
  }

  /** Makes this process's run directory; clears away what killed commands have left behind. */
  static RunDirectory create() {
    return create(SHARED_MEMORY);
  }

  static RunDirectory create(Path sharedMemory) {
    try {
      for (Path run : runs(sharedMemory, false)) {
        LocalRun.delete(run);
      }
      Path path = createPrivateDirectory(sharedMemory);
      // Locked before it has its name: a command that starts now must not take it for abandoned.
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

  /** The run directories of this user's running commands, in order of their names. */
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

  /** The socket of the command that owns a run directory. */
  static UnixDomainSocketAddress control(Path runDirectory) {
    return UnixDomainSocketAddress.of(runDirectory.resolve(CONTROL));
  }

  Path path() {
    return path;
  }

  /** What was deleted under this run, or put in the place of what was there; empty as a rule. */
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
      // Another PID namespace has such a process, too; or another user does not wish us well.
      path = Files.createTempDirectory(sharedMemory, name + "-", PRIVATE);
    }
    // Whatever the umask has taken away.
    return Files.setPosixFilePermissions(path, PRIVATE.value());
  }

  /** The run directories whose commands are running, or those whose commands are dead. */
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

  /** Whether it is a directory of this user's, and no link to one. */
  private static boolean isOwn(Path run) throws IOException {
    try {
      return Files.isDirectory(run, LinkOption.NOFOLLOW_LINKS)
          && Files.getOwner(run, LinkOption.NOFOLLOW_LINKS).equals(Files.getOwner(PROCESS));
    } catch (NoSuchFileException e) {
      // Its command has ended just now.
      return false;
    }
  }

  /** Whether a living command holds the lock; never to be asked about this process's own. */
  private static boolean isLocked(Path lockFile) throws IOException {
    try (FileChannel lock = FileChannel.open(lockFile, StandardOpenOption.WRITE)) {
      return lock.tryLock() == null;
    } catch (NoSuchFileException e) {
      // Its command has ended just now.
      return false;
    }
  }
}
