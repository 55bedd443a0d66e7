package io.framepipeline.common.transport;

import io.framepipeline.common.config.ExitCode;
import io.framepipeline.common.config.ExitException;
import io.framepipeline.common.topology.InstanceCounts;
import io.framepipeline.common.topology.Stage;
import io.framepipeline.common.wire.Frames;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.FileStore;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.stream.Stream;

/**
 * Checks whether the shared memory is large enough for a pipeline, and has enough left. Without
 * this check, too little memory shows as a log that the driver refuses, or as a driver that cannot
 * even start.
 *
 * <p>A service checks the total size only, because what others hold may become free: the memory of
 * instances that have just died, or memory that its holder frees before the service needs it. The
 * process that starts a pipeline, or a driver, checks what is left.
 */
public final class SharedMemorySize {
  private static final long MEBIBYTE = 1024 * 1024;

  /** The driver's {@code cnc.dat}, as {@code config/driver.properties} sets it, and its reports. */
  private static final long DRIVER_LENGTH = 12 * MEBIBYTE;

  /** What a reader has beside its ring: three numbers for each frame that can be in flight. */
  public static final long READER_LENGTH =
      3L * Long.BYTES * Frames.MAX_WINDOW_FRAMES + MEBIBYTE / 16;

  /** Enough for ten readers with large windows. */
  private static final long AMPLE_LENGTH = 256 * MEBIBYTE;

  private final Path aeronDirectory;
  private final Channels channels;
  private final long total;
  private final long free;

  /** Whether the total is less than the file system has. */
  private final boolean isLimited;

  /**
   * The shared memory of a pipeline at this moment. The file system may have more than the pipeline
   * is allowed to use. What others hold of that is not known: the limit bounds the total only.
   *
   * @param aeronDirectory need not exist yet
   * @param limit {@code PIPELINE_SHARED_MEMORY}; empty if the file system has it
   */
  public SharedMemorySize(Path aeronDirectory, Channels channels, OptionalLong limit) {
    this(
        aeronDirectory,
        channels,
        limit,
        bytes(aeronDirectory, FileStore::getTotalSpace),
        bytes(aeronDirectory, FileStore::getUsableSpace));
  }

  SharedMemorySize(
      Path aeronDirectory, Channels channels, OptionalLong limit, long total, long free) {
    this.aeronDirectory = aeronDirectory;
    this.channels = channels;
    this.isLimited = limit.orElse(total) < total;
    this.total = isLimited ? limit.getAsLong() : total;
    this.free = free;
  }

  /** A reader's window, if its setting does not say. The same for all readers of a pipeline. */
  public int defaultWindowFrames() {
    return total < AMPLE_LENGTH ? Frames.DEFAULT_WINDOW_FRAMES : Frames.AMPLE_WINDOW_FRAMES;
  }

  /**
   * Refuses memory that is too small for any pipeline.
   *
   * @throws ExitException with {@link ExitCode#USAGE}
   */
  public void requireRoomForOneOfEach() {
    shortage(InstanceCounts.ONE_OF_EACH)
        .ifPresent(
            line -> {
              throw new ExitException(ExitCode.USAGE, line);
            });
  }

  /**
   * Refuses memory that is too small for any pipeline, or too full for a driver. Files of an
   * earlier driver count as free, because the new driver deletes them at its start.
   *
   * @throws ExitException with {@link ExitCode#USAGE}
   */
  public void requireRoomForDriver() {
    requireRoomForOneOfEach();
    if (free >= DRIVER_LENGTH) {
      // It is without bounds for a file system that does not tell, so nothing may be added to it.
      return;
    }
    long available = free + length(aeronDirectory);
    if (available < DRIVER_LENGTH) {
      throw new ExitException(
          ExitCode.USAGE,
          "AERON_DIR=%s: its file system has %s MiB left, but a media driver needs %s MiB; free some of it, or enlarge it"
              .formatted(aeronDirectory, available / MEBIBYTE, DRIVER_LENGTH / MEBIBYTE));
    }
  }

  /**
   * Refuses a reader's window if there is no room for it beside one instance of each stage.
   *
   * @throws ExitException with {@link ExitCode#USAGE}
   */
  public void requireRoomForWindow(int windowFrames) {
    long needed = needed(channels, InstanceCounts.ONE_OF_EACH, windowFrames);
    if (total < needed) {
      throw new ExitException(
          ExitCode.USAGE,
          "READER_WINDOW_FRAMES=%s: %s, but such a window and one instance of each stage need %s MiB; enlarge it, or give a smaller window"
              .formatted(windowFrames, described(), mebibytes(needed)));
    }
  }

  /**
   * Refuses instances for which there is too little memory, or too little of it left now.
   *
   * @throws ExitException with {@link ExitCode#USAGE}
   */
  public void requireFreeFor(InstanceCounts instances, int windowFrames) {
    requireFree(instances, 0, windowFrames);
  }

  /**
   * The same when some of the instances are present already.
   *
   * @throws ExitException with {@link ExitCode#USAGE}
   */
  public void requireFreeFor(InstanceCounts instances, InstanceCounts present, int windowFrames) {
    requireFree(instances, needed(channels, present, windowFrames), windowFrames);
  }

  private void requireFree(InstanceCounts instances, long presentLength, int windowFrames) {
    long needed = needed(channels, instances, windowFrames);
    if (total < needed) {
      throw new ExitException(
          ExitCode.USAGE,
          "%s, but %s need %s MiB; enlarge it, run fewer instances, or lower READER_WINDOW_FRAMES"
              .formatted(described(), instances, mebibytes(needed)));
    }
    long missing = needed - presentLength;
    if (free < missing) {
      throw new ExitException(
          ExitCode.USAGE,
          "AERON_DIR=%s: its file system has %s MiB left, but %s need %s MiB more; free some of it, enlarge it, or run fewer instances"
              .formatted(aeronDirectory, free / MEBIBYTE, instances, mebibytes(missing)));
    }
  }

  /**
   * A warning if the memory is too small for the present instances and one that joins. That is no
   * reason to end: memory of instances that have just died becomes free.
   */
  public Optional<String> shortageFor(Stage joining, DriverConnection connection) {
    return shortage(InboxDirectory.countsWith(joining, connection));
  }

  private Optional<String> shortage(InstanceCounts instances) {
    long needed = needed(channels, instances, defaultWindowFrames());
    return total >= needed
        ? Optional.empty()
        : Optional.of(
            "%s, but %s need %s MiB; enlarge it, or run fewer instances"
                .formatted(described(), instances, mebibytes(needed)));
  }

  private String described() {
    return (isLimited
            ? "PIPELINE_SHARED_MEMORY allows %2$s MiB"
            : "AERON_DIR=%s: its file system has %s MiB")
        .formatted(aeronDirectory, total / MEBIBYTE);
  }

  /**
   * Bytes that all instances allocate: a ring and delivery states for each reader; a log for each
   * sender and inbox; for other senders also slots for floats at each inbox.
   */
  static long needed(Channels channels, InstanceCounts instances, int windowFrames) {
    long needed = DRIVER_LENGTH + instances.answerLogs() * Channels.logLength(channels.answers());
    for (Stage stage : Stage.ALL) {
      long logs = instances.frameLogs(stage);
      needed += logs * Channels.logLength(channels.frames());
      // A reader has one ring for all its logs. Other senders have slots for each log.
      needed +=
          stage.isFirst()
              ? instances.of(stage)
                  * (READER_LENGTH + FrameSlots.length(windowFrames, stage.outputLength()))
              : logs * FrameSlots.length(Outboxes.WINDOW_FRAMES, stage.outputLength());
    }
    return needed;
  }

  private static long mebibytes(long bytes) {
    return Math.ceilDiv(bytes, MEBIBYTE);
  }

  private interface Space {
    long of(FileStore fileStore) throws IOException;
  }

  /** The space of the file system in which a directory is, or will be. */
  private static long bytes(Path directory, Space space) {
    try {
      Path path = directory.toAbsolutePath();
      while (!Files.exists(path)) {
        path = path.getParent();
      }
      FileStore fileStore = Files.getFileStore(path);
      // A tmpfs without a limit reports 0.
      return fileStore.getTotalSpace() == 0 ? Long.MAX_VALUE : space.of(fileStore);
    } catch (IOException e) {
      // The driver will report what is wrong with it.
      return Long.MAX_VALUE;
    }
  }

  /** The length of the files in a directory, as far as it exists. */
  private static long length(Path directory) {
    try (Stream<Path> paths = Files.walk(directory)) {
      return paths.mapToLong(path -> path.toFile().length()).sum();
    } catch (IOException | UncheckedIOException e) {
      return 0;
    }
  }
}
