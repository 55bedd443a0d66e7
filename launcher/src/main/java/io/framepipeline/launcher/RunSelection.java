package io.framepipeline.launcher;

import io.framepipeline.common.config.ExitCode;
import io.framepipeline.common.config.ExitException;
import io.framepipeline.common.service.LocalRun;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Collectors;
import picocli.CommandLine.Option;

/** Selects the running pipeline that a command is about. */
final class RunSelection {
  @Option(
      names = "--dir",
      paramLabel = "DIR",
      description =
          "The run's Aeron directory or the directory around it, if several pipelines are running.")
  Path directory;

  /**
   * Returns the run directory of the selected pipeline.
   *
   * @throws ExitException if there is none, or if it is not clear which one is meant
   */
  Path find() {
    return choose(RunDirectory.running());
  }

  Path choose(List<Path> running) {
    if (directory != null) {
      Path wanted = directory.toAbsolutePath().normalize();
      return running.stream()
          .filter(run -> wanted.equals(run) || wanted.equals(LocalRun.aeronDirectory(run)))
          .findFirst()
          .orElseThrow(
              () ->
                  new ExitException(
                      ExitCode.USAGE,
                      "--dir=%s: no pipeline of this user is running there; running: %s"
                          .formatted(directory, list(running))));
    }
    if (running.isEmpty()) {
      throw new ExitException(
          ExitCode.USAGE, "no pipeline of this user is running; start one with ./pipeline run");
    }
    if (running.size() > 1) {
      throw new ExitException(
          ExitCode.USAGE,
          "%s pipelines of this user are running; choose one by --dir: %s"
              .formatted(running.size(), list(running)));
    }
    return running.getFirst();
  }

  private static String list(List<Path> running) {
    return running.isEmpty()
        ? "none"
        : running.stream()
            .map(run -> LocalRun.aeronDirectory(run).toString())
            .collect(Collectors.joining(", "));
  }
}
