package io.framepipeline.launcher;

import io.framepipeline.common.service.ExitCode;
import io.framepipeline.common.service.ExitException;
import io.framepipeline.common.service.GentleStart;
import io.framepipeline.common.service.LocalRun;
import io.framepipeline.common.transport.Stage;
import io.framepipeline.driver.DriverService;
import io.framepipeline.norm.NormService;
import io.framepipeline.reader.ReaderService;
import io.framepipeline.reciprocal.ReciprocalService;
import java.io.File;
import java.io.IOException;
import java.lang.ProcessBuilder.Redirect;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Starts the driver and the services, each a JVM with the same options and class path as this one.
 * The services that compute have the options for vectors besides.
 */
final class Processes {
  private static final Map<Stage, Class<?>> MAIN_CLASSES =
      Map.of(
          Stage.READER, ReaderService.class,
          Stage.RECIPROCAL, ReciprocalService.class,
          Stage.NORM, NormService.class);

  private static final Set<Stage> COMPUTING = Set.of(Stage.RECIPROCAL, Stage.NORM);

  /** Keeps Ctrl-C from the children: the command ends them, in order. */
  private static final List<String> NEW_SESSION = List.of("setsid");

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
   */
  Process startDriver() {
    List<String> command = new ArrayList<>(List.of("setpriv", "--pdeathsig", "TERM"));
    command.addAll(NEW_SESSION);
    command.addAll(java("driver", List.of(), DriverService.class));
    command.add(configuration.resolve("driver.properties").toString());
    ProcessBuilder builder = new ProcessBuilder(command);
    setEnvironment(builder);
    return start(builder.redirectInput(NOTHING).redirectOutput(Redirect.DISCARD));
  }

  /**
   * Starts an instance of a stage; it ends by itself when this process dies. As batch processes
   * instances do not preempt each other when they wake.
   *
   * @param isJoining whether others of the stage are at work
   * @param readers how many readers are to be there
   */
  Instance startService(Stage stage, boolean isJoining, int readers) {
    List<String> command = new ArrayList<>(List.of("chrt", "--batch", "0"));
    command.addAll(NEW_SESSION);
    if (isJoining) {
      command.addAll(GentleStart.command());
    }
    command.addAll(java(stage.label(), options(stage), MAIN_CLASSES.get(stage)));
    ProcessBuilder builder = new ProcessBuilder(command);
    setEnvironment(builder);
    Map<String, String> environment = builder.environment();
    environment.putAll(pacedRun.settings(readers));
    // Several instances share this machine; each takes a port that is free.
    environment.put("METRICS_PORT", "0");
    environment.put(LocalRun.RUN_DIR, runDirectory.toString());
    if (isJoining) {
      environment.put(LocalRun.IS_JOINING, "true");
    }
    environment.put(LocalRun.PARENT_PID, Long.toString(ProcessHandle.current().pid()));
    builder.redirectInput(stage == Stage.READER ? Redirect.INHERIT : NOTHING);
    builder.redirectOutput(stage == Stage.NORM ? Redirect.INHERIT : Redirect.DISCARD);
    return new Instance(stage, start(builder), runDirectory);
  }

  private List<String> options(Stage stage) {
    return COMPUTING.contains(stage)
        ? List.of("@" + configuration.resolve("vector.options"))
        : List.of();
  }

  private void setEnvironment(ProcessBuilder builder) {
    builder.environment().putAll(settings);
    builder.environment().put("AERON_DIR", LocalRun.aeronDirectory(runDirectory).toString());
  }

  private List<String> java(String name, List<String> options, Class<?> mainClass) {
    List<String> command =
        new ArrayList<>(
            List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "@" + configuration.resolve("jvm.options"),
                cdsOption + name + ".jsa",
                "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"));
    command.addAll(options);
    command.addAll(List.of("-cp", System.getProperty("java.class.path"), mainClass.getName()));
    return command;
  }

  private static Process start(ProcessBuilder builder) {
    try {
      return builder.redirectError(Redirect.INHERIT).start();
    } catch (IOException e) {
      throw new ExitException(ExitCode.INTERNAL, "cannot start a process: " + e.getMessage());
    }
  }
}
