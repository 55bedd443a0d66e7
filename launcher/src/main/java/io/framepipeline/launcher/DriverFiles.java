package io.framepipeline.launcher;

import io.aeron.CncFileDescriptor;
import io.framepipeline.common.linux.FileIdentity;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import org.agrona.concurrent.UnsafeBuffer;

/** A media driver's files, without which it lives on and is of no use. */
final class DriverFiles {
  private final Path cncFile;
  private final long pid;
  private FileIdentity identity;

  DriverFiles(Path aeronDirectory, long pid) {
    this.cncFile = aeronDirectory.resolve(CncFileDescriptor.CNC_FILE);
    this.pid = pid;
  }

  /** Whether it has made them and they are not there any more. */
  boolean areGone() {
    if (identity == null && isItsOwn()) {
      identity = new FileIdentity(cncFile);
    }
    return identity != null && identity.isGone();
  }

  /** Not those of one that died before it: it deletes these. */
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
