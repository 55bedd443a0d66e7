package io.framepipeline.launcher;

import io.framepipeline.common.config.ExitCode;
import io.framepipeline.common.config.ExitException;
import io.framepipeline.common.service.LocalRun;
import io.framepipeline.common.topology.Stage;
import io.framepipeline.driver.DriverService;
import java.io.File;
import java.io.IOException;
import java.lang.ProcessBuilder.Redirect;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * Starts the driver and the services, each a JVM with the same options and class path as this one.
 * The services that compute have the options for vectors besides.
 */
final class Processes {
  /** Keeps Ctrl-C from the children: the command ends them, in order. */
  private static final List<String> NEW_SESSION = List.of("setsid");

  private static final List<String> TOOLS = List.of("setpriv", "setsid", "chrt", "sh");

  /** Where execvp(3) looks if there is no PATH. */
  private static final String DEFAULT_PATH = "/bin:/usr/bin";

  private static final Redirect NOTHING = Redirect.from(new File("/dev/null"));

  /** Directory of jvm.options, vector.options and driver.properties. */
  private final Path configuration = Path.of(System.getProperty("pipeline.config"));

  /**
   * The JVM option that names a process's class data archive, to be used or written, up to its file
   * name.
   */
  private final String cdsOption = System.getProperty("pipeline.cds");

  private final Path runDirectory;
  private final Map<String, String> settings;
  private final PacedRun pacedRun;

  /** Children of this process that are its own business: it may have been born with some. */
  private final Set<ProcessHandle> known =
      ProcessHandle.current().children().collect(Collectors.toCollection(HashSet::new));

  /**
   * Prepares to start processes.
   *
   * @param settings of the services, as environment variables; others they inherit
   */
  Processes(Path runDirectory, Map<String, String> settings, PacedRun pacedRun) {
    this.runDirectory = runDirectory;
    this.settings = settings;
    this.pacedRun = pacedRun;
  }

  /**
   * Starts the media driver; it ends, and deletes its files, when this process dies. It works
   * little at a time, and everybody waits for it: so it gets a core as soon as it wakes.
   *
   * @throws IOException if this machine has no process for it now
   */
  Process startDriver() throws IOException {
    List<String> command = new ArrayList<>(List.of("setpriv", "--pdeathsig", "TERM"));
    command.addAll(NEW_SESSION);
    command.addAll(java("driver", List.of(), DriverService.class.getName()));
    command.add(configuration.resolve("driver.properties").toString());
    ProcessBuilder builder = new ProcessBuilder(command);
    setEnvironment(builder);
    return start(builder.redirectInput(NOTHING).redirectOutput(Redirect.DISCARD));
  }

  /**
   * Starts an instance of a stage; it ends by itself when this process dies. As batch processes
   * instances do not preempt each other when they wake.
   *
   * @param readers how many readers are to be there
   * @throws IOException if this machine has no process for it now
   */
  Instance startService(Stage stage, int readers) throws IOException {
    List<String> command = new ArrayList<>(List.of("chrt", "--batch", "0"));
    command.addAll(NEW_SESSION);
    command.addAll(java(stage.label(), options(stage), mainClass(stage)));
    ProcessBuilder builder = new ProcessBuilder(command);
    setEnvironment(builder);
    Map<String, String> environment = builder.environment();
    environment.putAll(pacedRun.settings(readers));
    // Several instances share this machine; each takes a port that is free.
    environment.put("METRICS_PORT", "0");
    environment.put(LocalRun.RUN_DIR, runDirectory.toString());
    environment.put(LocalRun.PARENT_PID, Long.toString(ProcessHandle.current().pid()));
    builder.redirectInput(stage.isFirst() ? Redirect.INHERIT : NOTHING);
    builder.redirectOutput(stage.isFirst() ? Redirect.INHERIT : Redirect.DISCARD);
    return new Instance(stage, start(builder), runDirectory);
  }

  /** Where the media driver that is started has its files. */
  Path aeronDirectory() {
    return LocalRun.aeronDirectory(runDirectory);
  }

  /**
   * As {@code io.framepipeline.norm.NormService}: by the stage's name, so that a new one is found.
   */
  private static String mainClass(Stage stage) {
    String label = stage.label();
    return "io.framepipeline.%s.%s%sService"
        .formatted(label, stage.name().charAt(0), label.substring(1));
  }

  private List<String> options(Stage stage) {
    return stage.isFirst() ? List.of() : List.of("@" + configuration.resolve("vector.options"));
  }

  private void setEnvironment(ProcessBuilder builder) {
    builder.environment().putAll(settings);
    builder.environment().put("AERON_DIR", aeronDirectory().toString());
  }

  private List<String> java(String name, List<String> options, String mainClass) {
    List<String> command =
        new ArrayList<>(
            List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "@" + configuration.resolve("jvm.options"),
                cdsOption + name + ".jsa",
                "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"));
    command.addAll(options);
    command.addAll(List.of("-cp", System.getProperty("java.class.path"), mainClass));
    return command;
  }

  private Process start(ProcessBuilder builder) throws IOException {
    try {
      Process process = builder.redirectError(Redirect.INHERIT).start();
      known.add(process.toHandle());
      return process;
    } catch (IOException e) {
      // The other lines are advice for those who made the JVM.
      throw new IOException(e.getMessage().lines().findFirst().orElse("").strip(), e);
    } catch (OutOfMemoryError e) {
      // There was a process, but no thread that would wait for its end.
      ProcessHandle.current()
          .children()
          .filter(child -> !known.contains(child))
          .forEach(ProcessHandle::destroyForcibly);
      throw new IOException(e.getMessage(), e);
    }
  }

  /**
   * Checks that the tools by which processes are started are there.
   *
   * @throws ExitException with {@link ExitCode#START}
   */
  static void requireTools() {
    List<Path> path =
        Stream.of(System.getenv().getOrDefault("PATH", DEFAULT_PATH).split(File.pathSeparator))
            .map(Path::of)
            .toList();
    for (String tool : TOOLS) {
      if (path.stream().noneMatch(directory -> Files.isExecutable(directory.resolve(tool)))) {
        throw new ExitException(
            ExitCode.START,
            "%s: not found; install util-linux, or put its directory on the PATH".formatted(tool));
      }
    }
  }
}
