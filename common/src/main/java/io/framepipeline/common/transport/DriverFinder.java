package io.framepipeline.common.transport;

import io.aeron.CncFileDescriptor;
import io.aeron.CommonContext;
import io.framepipeline.common.config.ExitCode;
import io.framepipeline.common.config.ExitException;
import java.io.IOException;
import java.nio.MappedByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileChannel.MapMode;
import java.nio.file.AccessDeniedException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import org.agrona.BufferUtil;

/** Finds out whether a media driver is at work in a directory. */
public final class DriverFinder {
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
      return file.size() > CncFileDescriptor.META_DATA_LENGTH && isActive(file);
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

  private static boolean isActive(FileChannel file) throws IOException {
    MappedByteBuffer mapped = file.map(MapMode.READ_ONLY, 0, file.size());
    try {
      // Aeron would wait for a driver that is starting, which may have died while it started.
      boolean isComplete =
          CncFileDescriptor.createMetaDataBuffer(mapped)
                  .getIntVolatile(CncFileDescriptor.cncVersionOffset(0))
              != 0;
      return isComplete
          && CommonContext.isDriverActive(
              CommonContext.DEFAULT_DRIVER_TIMEOUT_MS, message -> {}, mapped);
    } finally {
      BufferUtil.free(mapped);
    }
  }
}
