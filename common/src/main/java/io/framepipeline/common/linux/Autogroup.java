package io.framepipeline.common.linux;

import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;

/**
 * The weight of a session: the kernel shares out CPUs among sessions first, then among the threads
 * of each, see "autogroup" in sched(7). Who lowered a weight may restore it without privileges,
 * unlike a nice value. Where the kernel has no autogroups, or a control group shares out CPUs
 * instead, weights have no effect.
 */
public final class Autogroup {
  /** A tenth of the normal weight. */
  private static final String LOW_NICE = "10";

  private static final String NORMAL_NICE = "0";

  private Autogroup() {}

  /** The beginning of a command that gives its session a low weight and goes on as a program. */
  public static List<String> lowWeightCommand() {
    String script =
        "{ echo %s > /proc/self/autogroup; } 2>/dev/null; exec \"$@\"".formatted(LOW_NICE);
    return List.of("sh", "-c", script, "sh");
  }

  /**
   * Gives a process's session the normal weight.
   *
   * @return false if the kernel wants to be asked again; it takes one such request of all
   *     unprivileged users in 100 ms
   */
  public static boolean restoreWeight(long pid) {
    try {
      Files.writeString(Path.of("/proc", Long.toString(pid), "autogroup"), NORMAL_NICE);
      return true;
    } catch (NoSuchFileException | AccessDeniedException e) {
      // The weight could not be lowered either, or the process is gone.
      return true;
    } catch (IOException e) {
      return false;
    }
  }
}
