package io.framepipeline.launcher;

import io.framepipeline.common.config.ExitCode;
import io.framepipeline.common.config.ExitException;
import io.framepipeline.common.linux.Autogroup;
import io.framepipeline.common.metrics.FiguresDirectory;
import io.framepipeline.common.service.LocalRun;
import io.framepipeline.common.topology.Stage;
import io.framepipeline.driver.DriverService;
import java.io.File;
import java.io.IOException;
import java.lang.ProcessBuilder.Redirect;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * Starts the driver and the services. Each is a JVM with the same options and class path as this
 * one. The services that compute also have the options for vectors.
 */
final class Processes {
  /** Keeps Ctrl-C from the children, since the command ends them in order. */
  private static final List<String> NEW_SESSION = List.of("setsid");

  private static final List<String> TOOLS = List.of("setpriv", "setsid", "chrt", "sh");

  /** Where execvp(3) looks if PATH is not set. */
  private static final String DEFAULT_PATH = "/bin:/usr/bin";

  private static final Redirect NOTHING = Redirect.from(new File("/dev/null"));

  /** Directory of jvm.options, vector.options, kafka.options and driver.properties. */
  private final Path configuration = Path.of(System.getProperty("pipeline.config"));

  /**
   * The start of the JVM option that names a process's class data archive, which is used or
   * written. The archive's file name follows.
   */
  private final String cdsOption = System.getProperty("pipeline.cds");

  private final Path runDirectory;
  private final FiguresDirectory figures;
  private final Map<Stage, Integer> startedByStage = new EnumMap<>(Stage.class);
  private final Map<String, String> settings;
  private final PacedRun pacedRun;
  private final boolean isKafkaUsed;

  /**
   * The children that a failed start must not kill: those that this command started, and those that
   * it was born with.
   */
  private final Set<ProcessHandle> known =
      ProcessHandle.current().children().collect(Collectors.toCollection(HashSet::new));

  /**
   * Prepares to start processes.
   *
   * @param settings the services' settings, as environment variables; services inherit the others
   * @param isKafkaUsed whether the readers need room for Kafka's clients
   */
  Processes(
      Path runDirectory, Map<String, String> settings, PacedRun pacedRun, boolean isKafkaUsed) {
    this.runDirectory = runDirectory;
    this.figures = new FiguresDirectory(aeronDirectory());
    this.settings = settings;
    this.pacedRun = pacedRun;
    this.isKafkaUsed = isKafkaUsed;
  }

  /**
   * Starts the media driver. It ends, and deletes its files, when this process dies. The driver
   * works little at a time, and all services wait for it. So it gets a CPU as soon as it wakes.
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
   * Starts an instance of a stage. It ends by itself when this process dies. Instances are batch
   * processes, so they do not preempt each other when they wake.
   *
   * @param isJoining whether the instance leaves CPUs to others until it is ready
   * @param readers how many readers are asked for
   * @throws IOException if this machine has no process for it now
   */
  Instance startService(Stage stage, boolean isJoining, int readers) throws IOException {
    List<String> command = new ArrayList<>(List.of("chrt", "--batch", "0"));
    command.addAll(NEW_SESSION);
    if (isJoining) {
      command.addAll(Autogroup.lowWeightCommand());
    }
    command.addAll(java(stage.label(), options(stage), mainClass(stage)));
    ProcessBuilder builder = new ProcessBuilder(command);
    setEnvironment(builder);
    Map<String, String> environment = builder.environment();
    environment.putAll(pacedRun.settings(readers));
    // Several instances share this machine, so each takes a free port.
    environment.put("METRICS_PORT", "0");
    environment.put(LocalRun.RUN_DIR, runDirectory.toString());
    String name = stage.label() + "-" + startedByStage.merge(stage, 1, Integer::sum);
    environment.put(LocalRun.INSTANCE, name);
    environment.put(LocalRun.PARENT_PID, Long.toString(ProcessHandle.current().pid()));
    builder.redirectInput(stage.isFirst() ? Redirect.INHERIT : NOTHING);
    builder.redirectOutput(stage.isFirst() ? Redirect.INHERIT : Redirect.DISCARD);
    return new Instance(name, start(builder), figures, isJoining);
  }

  /** The directory of the media driver's files. */
  Path aeronDirectory() {
    return LocalRun.aeronDirectory(runDirectory);
  }

  /**
   * The main class, such as {@code io.framepipeline.norm.NormService}. Its name follows from the
   * stage's, so a new stage is found.
   */
  private static String mainClass(Stage stage) {
    String label = stage.label();
    return "io.framepipeline.%s.%s%sService"
        .formatted(label, stage.name().charAt(0), label.substring(1));
  }

  private List<String> options(Stage stage) {
    if (!stage.isFirst()) {
      return List.of("@" + configuration.resolve("vector.options"));
    }
    return isKafkaUsed ? List.of("@" + configuration.resolve("kafka.options")) : List.of();
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
      // The other lines are advice for developers of the JVM.
      throw new IOException(e.getMessage().lines().findFirst().orElse("").strip(), e);
    } catch (OutOfMemoryError e) {
      // There was a process, but no thread that could wait for its end.
      ProcessHandle.current()
          .children()
          .filter(child -> !known.contains(child))
          .forEach(ProcessHandle::destroyForcibly);
      throw new IOException(e.getMessage(), e);
    }
  }

  /**
   * Checks that the tools that start processes are there.
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
