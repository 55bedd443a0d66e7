package io.framepipeline.systemtests;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * Which /dev/shm a run sees: the machine's, or a small one of its own, in a mount namespace that
 * vanishes with the run's processes. A full one is then nobody else's trouble.
 */
final class SharedMemory {
  private static final Path PATH = Path.of("/dev/shm");
  private static final String MOUNT = "mount -t tmpfs -o size=$0 tmpfs /dev/shm && exec \"$@\"";

  private final List<String> wrapper;

  /** Where it is as seen from here; null if only its processes see it. */
  private final Path path;

  private SharedMemory(Path path, List<String> wrapper) {
    this.path = path;
    this.wrapper = wrapper;
  }

  static SharedMemory ofTheMachine() {
    return new SharedMemory(PATH, List.of());
  }

  /** The machine's, for a run that may write no file longer than this. */
  static SharedMemory withFilesUpTo(int kibibytes) {
    // sh counts in blocks of 512 bytes.
    String script = "ulimit -f $0 && exec \"$@\"";
    return new SharedMemory(PATH, List.of("sh", "-c", script, Integer.toString(2 * kibibytes)));
  }

  /**
   * A small one of a run's own.
   *
   * @param size as mount takes it, such as 32m
   */
  static SharedMemory ofItsOwn(String size) throws Exception {
    // Whoever is root needs no user namespace, which containers often do not allow.
    SharedMemory asRoot = ofItsOwn(size, List.of());
    return asRoot.works() ? asRoot : ofItsOwn(size, List.of("--user", "--map-root-user"));
  }

  private static SharedMemory ofItsOwn(String size, List<String> namespaces) {
    List<String> wrapper = new ArrayList<>(List.of("unshare", "--mount"));
    wrapper.addAll(namespaces);
    wrapper.addAll(List.of("sh", "-c", MOUNT, size));
    return new SharedMemory(null, wrapper);
  }

  /** Whether this user may have it on this machine. */
  boolean works() throws Exception {
    List<String> command = new ArrayList<>(wrapper);
    command.add("true");
    Process process =
        new ProcessBuilder(command)
            .redirectErrorStream(true)
            .redirectOutput(ProcessBuilder.Redirect.DISCARD)
            .start();
    return process.waitFor(PipelineProcess.LIMIT.toSeconds(), TimeUnit.SECONDS)
        && process.exitValue() == 0;
  }

  /** What to put before a command; it is executed in the same process. */
  List<String> wrapper() {
    return wrapper;
  }

  /** Where to find, from here, what such a process sees. */
  Path of(Process process) {
    return path != null
        ? path
        : Path.of("/proc", Long.toString(process.pid()), "root")
            .resolve(PATH.toString().substring(1));
  }
}
