package io.framepipeline.common.transport;

import io.framepipeline.common.frame.FrameSlots;
import io.framepipeline.common.frame.Frames;
import io.framepipeline.common.service.ExitCode;
import io.framepipeline.common.service.ExitException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.EnumMap;
import java.util.Map;
import java.util.Optional;

/**
 * Whether the shared memory is large enough for a pipeline. Without asking, one that is too small
 * shows as a log that the driver refuses, or as a driver that cannot even start.
 */
public final class SharedMemorySize {
  private static final long MEBIBYTE = 1024 * 1024;

  /** The driver's {@code cnc.dat}, as {@code config/driver.properties} has it, and its reports. */
  private static final long DRIVER_LENGTH = 12 * MEBIBYTE;

  private final Path aeronDirectory;
  private final Channels channels;
  private final long total;

  /**
   * Of a pipeline.
   *
   * @param aeronDirectory need not exist yet
   */
  public SharedMemorySize(Path aeronDirectory, Channels channels) {
    this(aeronDirectory, channels, total(aeronDirectory));
  }

  SharedMemorySize(Path aeronDirectory, Channels channels, long total) {
    this.aeronDirectory = aeronDirectory;
    this.channels = channels;
    this.total = total;
  }

  /**
   * Refuses what is too small for any pipeline.
   *
   * @throws ExitException with {@link ExitCode#USAGE}
   */
  public void requireRoomForOneOfEach() {
    shortage(new EnumMap<>(Stage.class))
        .ifPresent(
            line -> {
              throw new ExitException(ExitCode.USAGE, line);
            });
  }

  /**
   * Refuses a reader's window for which there is no room beside one of each stage.
   *
   * @throws ExitException with {@link ExitCode#USAGE}
   */
  public void requireRoomForWindow(int windowFrames) {
    long needed =
        needed(channels, 1, 1, 1)
            - ringLength(Frames.DEFAULT_WINDOW_FRAMES)
            + ringLength(windowFrames);
    if (total < needed) {
      throw new ExitException(
          ExitCode.USAGE,
          "READER_WINDOW_FRAMES=%s: the file system of AERON_DIR=%s has %s MiB, but such a window and one instance of each stage need %s MiB; enlarge it, or give a smaller window"
              .formatted(
                  windowFrames, aeronDirectory, total / MEBIBYTE, Math.ceilDiv(needed, MEBIBYTE)));
    }
  }

  /**
   * What to tell about an instance that joins if memory is too small for it and those that are
   * there. That is no reason to end: memory of instances that have just died becomes free.
   */
  public Optional<String> shortageFor(Stage joining, DriverConnection connection) {
    Map<Stage, Integer> instances = new EnumMap<>(Stage.class);
    instances.put(joining, 1);
    InboxDirectory directory = new InboxDirectory(connection.aeron().countersReader());
    for (Stage stage : Stage.values()) {
      directory.forEach(stage, (counterId, id) -> instances.merge(stage, 1, Integer::sum));
    }
    return shortage(instances);
  }

  private Optional<String> shortage(Map<Stage, Integer> instances) {
    int readers = instances.getOrDefault(Stage.READER, 1);
    int reciprocals = instances.getOrDefault(Stage.RECIPROCAL, 1);
    int norms = instances.getOrDefault(Stage.NORM, 1);
    long needed = needed(channels, readers, reciprocals, norms);
    return total >= needed
        ? Optional.empty()
        : Optional.of(
            "AERON_DIR=%s: its file system has %s MiB, but reader=%s reciprocal=%s norm=%s need %s MiB; enlarge it, or run fewer instances"
                .formatted(
                    aeronDirectory,
                    total / MEBIBYTE,
                    readers,
                    reciprocals,
                    norms,
                    Math.ceilDiv(needed, MEBIBYTE)));
  }

  /** What all allocate: a ring per reader; a log per sender and inbox, with slots for floats. */
  static long needed(Channels channels, int readers, int reciprocals, int norms) {
    long logLength = Channels.logLength(channels.frames());
    long slotsLength = FrameSlots.length(Outboxes.WINDOW_FRAMES, Stage.NORM.payloadLength());
    return DRIVER_LENGTH
        + readers * ringLength(Frames.DEFAULT_WINDOW_FRAMES)
        + (long) readers * reciprocals * logLength
        + (long) reciprocals * norms * (logLength + slotsLength)
        + (long) norms * readers * Channels.logLength(channels.acks());
  }

  private static long ringLength(int windowFrames) {
    return FrameSlots.length(windowFrames, Stage.RECIPROCAL.payloadLength());
  }

  /** All of the file system: what others have in it may go. */
  private static long total(Path directory) {
    try {
      Path path = directory.toAbsolutePath();
      while (!Files.exists(path)) {
        path = path.getParent();
      }
      long total = Files.getFileStore(path).getTotalSpace();
      // A tmpfs without a limit says 0.
      return total == 0 ? Long.MAX_VALUE : total;
    } catch (IOException e) {
      // The driver will say what is wrong with it.
      return Long.MAX_VALUE;
    }
  }
}
