package io.framepipeline.common.linux;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/**
 * Leaves processors to others for the first seconds of a process. A JVM that starts, and compiles,
 * takes all it can get; started in place of one that died, it would take it from those that go on
 * working. When nobody wants them it gets them all the same.
 *
 * <p>The kernel divides processors among sessions first, see "autogroup" in sched(7). A session's
 * weight can be restored without privileges, unlike the nice value of a process.
 */
public final class GentleStart {
  private static final Path AUTOGROUP = Path.of("/proc/self/autogroup");

  /** A tenth of the normal weight. */
  private static final String GENTLE_NICE = "10";

  private static final String NORMAL_NICE = "0";

  /** By then it has joined, and what it does most often is compiled. */
  private static final long DURATION_NANOS = TimeUnit.SECONDS.toNanos(5);

  /** The kernel takes one such wish of an unprivileged user in 100 ms. */
  private static final long RETRY_NANOS = TimeUnit.MILLISECONDS.toNanos(150);

  /** Where no wish is ever taken, the start was not gentle either. */
  private static final int RETRY_LIMIT = 100;

  private GentleStart() {}

  /** The beginning of a command that starts a process so, as the first of its session. */
  public static List<String> command() {
    String script = "{ echo %s > %s; } 2>/dev/null; exec \"$@\"".formatted(GENTLE_NICE, AUTOGROUP);
    return List.of("sh", "-c", script, "sh");
  }

  /** Ends it in a while, in a process that was started so. */
  public static void endLater() {
    if (Files.exists(AUTOGROUP)) {
      Thread.ofPlatform().name("gentle-start").daemon().start(GentleStart::run);
    }
  }

  private static void run() {
    LockSupport.parkNanos(DURATION_NANOS);
    for (int retries = 0; retries < RETRY_LIMIT && !isNormal(); retries++) {
      LockSupport.parkNanos(RETRY_NANOS);
    }
  }

  private static boolean isNormal() {
    try {
      Files.writeString(AUTOGROUP, NORMAL_NICE);
      return true;
    } catch (IOException e) {
      return false;
    }
  }
}
