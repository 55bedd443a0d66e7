package io.framepipeline.launcher;

import io.aeron.CncFileDescriptor;
import io.framepipeline.common.linux.FileIdentity;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import org.agrona.concurrent.UnsafeBuffer;

/** A media driver's files. Without them a driver lives on but is of no use. */
final class DriverFiles {
  private final Path cncFile;
  private final long pid;
  private FileIdentity identity;

  DriverFiles(Path aeronDirectory, long pid) {
    this.cncFile = aeronDirectory.resolve(CncFileDescriptor.CNC_FILE);
    this.pid = pid;
  }

  /**
   * Notes which files the driver has made, once they are there. Call it every few milliseconds:
   * files that are deleted before they were noted are not missed.
   */
  void look() {
    if (identity == null && isItsOwn()) {
      identity = new FileIdentity(cncFile);
      identity.isGone();
    }
  }

  /** Whether files that were noted are not there any more. */
  boolean areGone() {
    return identity != null && identity.isGone();
  }

  /**
   * Whether the driver made these files. Files of a driver that died earlier do not count: this
   * driver deletes them.
   */
  private boolean isItsOwn() {
    try (FileChannel file = FileChannel.open(cncFile)) {
      ByteBuffer metaData = ByteBuffer.allocate(CncFileDescriptor.META_DATA_LENGTH);
      file.read(metaData);
      return CncFileDescriptor.pid(new UnsafeBuffer(metaData)) == pid;
    } catch (IOException e) {
      return false;
    }
  }
}
