package io.framepipeline.launcher;

import io.aeron.driver.MediaDriver;
import io.framepipeline.common.service.ExitCode;
import io.framepipeline.common.service.ExitException;
import io.framepipeline.common.service.LocalRun;
import io.framepipeline.common.transport.Stage;
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

/**
 * Starts the driver and the services, each a JVM with the same options and class path as this one.
 */
final class Processes {
  private static final Map<Stage, Class<?>> MAIN_CLASSES =
      Map.of(
          Stage.READER, ReaderService.class,
          Stage.RECIPROCAL, ReciprocalService.class,
          Stage.NORM, NormService.class);

  private static final Redirect NOTHING = Redirect.from(new File("/dev/null"));

  /** Directory of jvm.options and driver.properties. */
  private final Path configuration = Path.of(System.getProperty("pipeline.config"));

  /**
   * The JVM option that names a process's AOT cache, to be used or written, up to its file name.
   */
  private final String aotOption = System.getProperty("pipeline.aot");

  private final Path runDirectory;
  private final Map<String, String> settings;

  /**
   * Prepares to start processes.
   *
   * @param settings of the services, as environment variables; others they inherit
   */
  Processes(Path runDirectory, Map<String, String> settings) {
    this.runDirectory = runDirectory;
    this.settings = settings;
  }

  /** Starts the media driver; it ends, and deletes its files, when this process dies. */
  Process startDriver() {
    List<String> command = new ArrayList<>(List.of("setpriv", "--pdeathsig", "TERM"));
    command.addAll(
        java("driver", MediaDriver.class, "-Daeron.dir=" + LocalRun.aeronDirectory(runDirectory)));
    command.add(configuration.resolve("driver.properties").toString());
    return start(
        new ProcessBuilder(command).redirectInput(NOTHING).redirectOutput(Redirect.DISCARD));
  }

  /** Starts an instance of a stage; it ends by itself when this process dies. */
  Instance startService(Stage stage) {
    ProcessBuilder builder =
        new ProcessBuilder(
            java(
                stage.label(),
                MAIN_CLASSES.get(stage),
                "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"));
    Map<String, String> environment = builder.environment();
    environment.putAll(settings);
    environment.put("AERON_DIR", LocalRun.aeronDirectory(runDirectory).toString());
    // Several instances share this machine; each takes a port that is free.
    environment.put("METRICS_PORT", "0");
    environment.put(LocalRun.RUN_DIR, runDirectory.toString());
    environment.put(LocalRun.PARENT_PID, Long.toString(ProcessHandle.current().pid()));
    builder.redirectInput(stage == Stage.READER ? Redirect.INHERIT : NOTHING);
    builder.redirectOutput(stage == Stage.NORM ? Redirect.INHERIT : Redirect.DISCARD);
    return new Instance(stage, start(builder), runDirectory);
  }

  /**
   * A session of their own keeps Ctrl-C from the children: the command ends them, in order. As
   * batch processes they do not preempt each other when they wake.
   */
  private List<String> java(String name, Class<?> mainClass, String property) {
    return List.of(
        "chrt",
        "--batch",
        "0",
        "setsid",
        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
        "@" + configuration.resolve("jvm.options"),
        aotOption + name + ".aot",
        property,
        "-cp",
        System.getProperty("java.class.path"),
        mainClass.getName());
  }

  private static Process start(ProcessBuilder builder) {
    try {
      return builder.redirectError(Redirect.INHERIT).start();
    } catch (IOException e) {
      throw new ExitException(ExitCode.INTERNAL, "cannot start a process: " + e.getMessage());
    }
  }
}
