package io.framepipeline.common.service;

import io.aeron.CncFileDescriptor;
import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.time.Duration;
import java.util.concurrent.locks.LockSupport;

/**
 * What the local command and the services that it starts agree on. There is a run directory. If a
 * service's parent is gone, the service ends and deletes the run directory. Only the local command
 * sets {@code LOCAL_RUN_DIR}, {@code LOCAL_RUN_INSTANCE} and {@code LOCAL_RUN_PARENT_PID}.
 */
public final class LocalRun {
  public static final String RUN_DIR = "LOCAL_RUN_DIR";
  public static final String INSTANCE = "LOCAL_RUN_INSTANCE";
  public static final String PARENT_PID = "LOCAL_RUN_PARENT_PID";

  private static final Duration DRIVER_END_LIMIT = Duration.ofSeconds(10);
  private static final long POLL_NANOS = Duration.ofMillis(20).toNanos();

  private final Path directory;
  private final String instance;
  private final long parentPid;

  private LocalRun(Path directory, String instance, long parentPid) {
    this.directory = directory;
    this.instance = instance;
    this.parentPid = parentPid;
  }

  /** The run that this process belongs to; null in a container. Users do not set this. */
  static LocalRun ofEnvironment() {
    String directory = System.getenv(RUN_DIR);
    return directory == null
        ? null
        : new LocalRun(
            Path.of(directory), System.getenv(INSTANCE), Long.parseLong(System.getenv(PARENT_PID)));
  }

  /** The directory of a run's media driver. */
  public static Path aeronDirectory(Path runDirectory) {
    return runDirectory.resolve("aeron");
  }

  /** The name of this instance, such as {@code norm-3}; no other instance of the run has it. */
  String instance() {
    return instance;
  }

  /** Runs the action, on a thread of its own, when the local command is gone. */
  void onParentGone(Runnable action) {
    Thread.ofPlatform()
        .name("parent-watch")
        .daemon()
        .start(
            () -> {
              ProcessHandle.of(parentPid).ifPresent(parent -> parent.onExit().join());
              action.run();
            });
  }

  /** Deletes the run's files in place of the parent. Every orphan does this, in any order. */
  void clearAway() {
    File aeronDirectory = aeronDirectory(directory).toFile();
    // The kernel ends the driver with its parent. Its last act is to delete its directory.
    File cnc = new File(aeronDirectory, CncFileDescriptor.CNC_FILE);
    long deadlineNanos = System.nanoTime() + DRIVER_END_LIMIT.toNanos();
    while (cnc.exists() && System.nanoTime() - deadlineNanos < 0) {
      LockSupport.parkNanos(POLL_NANOS);
    }
    delete(directory);
  }

  /**
   * Deletes a run directory, as far as it exists: other processes may be deleting it, too. Deletes
   * links in it and does not follow them.
   */
  public static void delete(Path runDirectory) {
    try {
      Files.walkFileTree(runDirectory, new Deletion());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static final class Deletion extends SimpleFileVisitor<Path> {
    @Override
    public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) {
      return delete(file);
    }

    @Override
    public FileVisitResult visitFileFailed(Path file, IOException e) {
      return FileVisitResult.CONTINUE;
    }

    @Override
    public FileVisitResult postVisitDirectory(Path directory, IOException e) {
      return delete(directory);
    }

    private static FileVisitResult delete(Path path) {
      // Fails if the file is gone, or if something new is in the directory.
      path.toFile().delete();
      return FileVisitResult.CONTINUE;
    }
  }
}
