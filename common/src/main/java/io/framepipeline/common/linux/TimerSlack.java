package io.framepipeline.common.linux;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** How much later than asked Linux may end a thread's sleep, to wake several at once. */
public final class TimerSlack {
  private static final Logger LOG = LoggerFactory.getLogger(TimerSlack.class);

  private TimerSlack() {}

  /**
   * Has this thread's sleeps end on time, and those of threads that it starts from now on; by
   * default they are up to 50 µs late, twice the shortest sleep of a duty cycle. See {@code
   * timerslack_ns} in proc_pid_timerslack_ns(5).
   */
  public static void minimize() {
    try {
      // Under a thread's own number the kernel takes the setting for that thread.
      Path thread = Path.of("/proc", Integer.toString(LinuxThread.currentId()));
      Files.writeString(thread.resolve("timerslack_ns"), "1");
    } catch (IOException e) {
      LOG.info("sleeps may be longer than asked: {}", e.toString());
    }
  }
}
