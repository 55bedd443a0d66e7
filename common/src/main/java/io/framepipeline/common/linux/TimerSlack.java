package io.framepipeline.common.linux;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The time by which Linux may end a thread's sleep late, in order to wake several threads at once.
 */
public final class TimerSlack {
  private static final Logger LOG = LoggerFactory.getLogger(TimerSlack.class);

  private TimerSlack() {}

  /**
   * Makes the sleeps of this thread, and of threads that it starts later, end on time. By default
   * they are up to 50 µs late, which is twice the shortest sleep of a duty cycle. See {@code
   * timerslack_ns} in proc_pid_timerslack_ns(5).
   */
  public static void minimize() {
    try {
      // Under a thread's own number, the kernel applies the setting to that thread.
      Path thread = Path.of("/proc", Integer.toString(LinuxThread.currentId()));
      Files.writeString(thread.resolve("timerslack_ns"), "1");
    } catch (IOException e) {
      LOG.info("sleeps may be longer than asked: {}", e.toString());
    }
  }
}
