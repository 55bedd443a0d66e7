package io.framepipeline.common.transport;

import io.aeron.CncFileDescriptor;
import io.aeron.CommonContext;
import io.framepipeline.common.config.ExitCode;
import io.framepipeline.common.config.ExitException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.MappedByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileChannel.MapMode;
import java.nio.file.AccessDeniedException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import org.agrona.BufferUtil;
import org.agrona.concurrent.UnsafeBuffer;

/** Finds out whether a media driver is at work in a directory. */
public final class DriverFinder {
  /** A driver shows a heartbeat each second. */
  private static final long FRESH_HEARTBEAT_MILLIS = 3_000;

  private DriverFinder() {}

  /**
   * Whether a driver's heartbeat is fresh. The driver's file may be deleted or replaced at any
   * moment. Aeron's own check would then create it again and get in the driver's way. So this
   * method maps the file itself.
   *
   * @throws ExitException with {@link ExitCode#USAGE} if the driver belongs to another user
   */
  public static boolean isDriverThere(Path aeronDirectory) {
    Path cnc = aeronDirectory.resolve(CncFileDescriptor.CNC_FILE);
    try (FileChannel file =
        FileChannel.open(cnc, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
      return file.size() > CncFileDescriptor.META_DATA_LENGTH
          && isActive(file, CommonContext.DEFAULT_DRIVER_TIMEOUT_MS);
    } catch (AccessDeniedException e) {
      // A client that may not open this file would spin in connect() beyond its time-out.
      throw new ExitException(
          ExitCode.USAGE,
          "AERON_DIR=%s: no access to %s, which belongs to another user; run the media driver and every service as one user"
              .formatted(aeronDirectory, CncFileDescriptor.CNC_FILE));
    } catch (IOException e) {
      return false;
    }
  }

  /**
   * The process id of the driver at work, as the driver sees it; 0 if there is none. Needs to read
   * the driver's files only.
   */
  public static long driverPid(Path aeronDirectory) {
    try (FileChannel file =
        FileChannel.open(
            aeronDirectory.resolve(CncFileDescriptor.CNC_FILE), StandardOpenOption.READ)) {
      return file.size() > CncFileDescriptor.META_DATA_LENGTH ? driverPid(file) : 0;
    } catch (IOException e) {
      return 0;
    }
  }

  private static long driverPid(FileChannel file) throws IOException {
    if (!isActive(file, FRESH_HEARTBEAT_MILLIS)) {
      return 0;
    }
    ByteBuffer metaData = ByteBuffer.allocate(CncFileDescriptor.META_DATA_LENGTH);
    file.read(metaData, 0);
    return CncFileDescriptor.pid(new UnsafeBuffer(metaData));
  }

  private static boolean isActive(FileChannel file, long timeoutMillis) throws IOException {
    MappedByteBuffer mapped = file.map(MapMode.READ_ONLY, 0, file.size());
    try {
      // Aeron would wait for a driver that is starting, which may have died while it started.
      boolean isComplete =
          CncFileDescriptor.createMetaDataBuffer(mapped)
                  .getIntVolatile(CncFileDescriptor.cncVersionOffset(0))
              != 0;
      return isComplete && CommonContext.isDriverActive(timeoutMillis, message -> {}, mapped);
    } finally {
      BufferUtil.free(mapped);
    }
  }
}
