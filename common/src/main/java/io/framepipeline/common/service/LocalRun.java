package io.framepipeline.common.service;

import io.aeron.CncFileDescriptor;
import io.framepipeline.common.config.ExitCode;
import io.framepipeline.common.config.ExitException;
import io.framepipeline.common.metrics.StageStats;
import io.framepipeline.common.topology.Stage;
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
 * What the local command and the services that it starts agree on: a run directory, where each
 * instance keeps its figures in a file, and that a service whose parent is gone ends and clears the
 * run away. {@code LOCAL_RUN_DIR} and {@code LOCAL_RUN_PARENT_PID} are set by the local command
 * alone.
 */
public final class LocalRun {
  public static final String RUN_DIR = "LOCAL_RUN_DIR";
  public static final String PARENT_PID = "LOCAL_RUN_PARENT_PID";

  private static final Duration DRIVER_END_LIMIT = Duration.ofSeconds(10);
  private static final long POLL_NANOS = Duration.ofMillis(20).toNanos();

  private final Path directory;
  private final long parentPid;

  private LocalRun(Path directory, long parentPid) {
    this.directory = directory;
    this.parentPid = parentPid;
  }

  /**
   * The run that this process belongs to, or null: containers have none. No setting of a user's.
   */
  static LocalRun ofEnvironment() {
    String directory = System.getenv(RUN_DIR);
    return directory == null
        ? null
        : new LocalRun(Path.of(directory), Long.parseLong(System.getenv(PARENT_PID)));
  }

  /** Where an instance keeps its figures. */
  public static Path statsFile(Path runDirectory, Stage stage, long pid) {
    return runDirectory.resolve(stage.label() + "-" + pid + ".stats");
  }

  /** Where a run's media driver has its files. */
  public static Path aeronDirectory(Path runDirectory) {
    return runDirectory.resolve("aeron");
  }

  StageStats createStats(Stage stage) {
    Path file = statsFile(directory, stage, ProcessHandle.current().pid());
    try {
      return StageStats.create(file);
    } catch (IOException e) {
      throw new ExitException(
          ExitCode.INTERNAL, "%s: cannot be written: %s".formatted(file, e.getMessage()));
    }
  }

  /** Calls back, on a thread of its own, when the local command is gone. */
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

  /** Clears the run away in the parent's place: every orphan does, whoever comes first. */
  void clearAway() {
    File aeronDirectory = aeronDirectory(directory).toFile();
    // The kernel ends the driver with its parent; the driver deletes its directory as its last act.
    File cnc = new File(aeronDirectory, CncFileDescriptor.CNC_FILE);
    long deadlineNanos = System.nanoTime() + DRIVER_END_LIMIT.toNanos();
    while (cnc.exists() && System.nanoTime() - deadlineNanos < 0) {
      LockSupport.parkNanos(POLL_NANOS);
    }
    delete(directory);
  }

  /**
   * Deletes a run directory, as far as it is there: others may be at it, too. Links in it are
   * deleted and not followed.
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
      // In vain if it is gone, or if there is something new in it.
      path.toFile().delete();
      return FileVisitResult.CONTINUE;
    }
  }
}
