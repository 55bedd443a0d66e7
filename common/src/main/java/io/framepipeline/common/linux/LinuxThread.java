package io.framepipeline.common.linux;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Linux's number for a thread. */
final class LinuxThread {
  private LinuxThread() {}

  /** The number of the calling thread, see gettid(2). */
  static int currentId() throws IOException {
    // A link to PID/task/TID.
    Path link = Files.readSymbolicLink(Path.of("/proc/thread-self"));
    return Integer.parseInt(link.getFileName().toString());
  }
}
