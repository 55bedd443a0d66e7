package io.framepipeline.common.linux;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Linux's number for a thread. */
public final class LinuxThread {
  private LinuxThread() {}

  /** The number of the calling thread, see gettid(2). */
  public static int currentId() throws IOException {
    // A link to PID/task/TID.
    Path link = Files.readSymbolicLink(Path.of("/proc/thread-self"));
    return Integer.parseInt(link.getFileName().toString());
  }
}
