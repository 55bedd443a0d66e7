package io.framepipeline.launcher;

import io.framepipeline.common.config.ExitException;
import io.framepipeline.common.metrics.Figure;
import io.framepipeline.common.metrics.FiguresView;
import io.framepipeline.common.metrics.InstanceFigures;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Collectors;

/**
 * A file that says where the metrics of a run's instances are, in the format of Prometheus' {@code
 * file_sd_configs}. Local instances take any free port, so Prometheus cannot know it otherwise.
 */
final class MetricsTargets {
  private final Path file;
  private String written;

  MetricsTargets(Path runDirectory) {
    this.file = file(runDirectory);
  }

  /**
   * What the file of a run says.
   *
   * @throws ExitException if the run has just ended
   */
  static String read(Path runDirectory) {
    try {
      return Files.readString(file(runDirectory));
    } catch (IOException e) {
      throw RunFile.isNotThere(runDirectory, e);
    }
  }

  private static Path file(Path runDirectory) {
    return runDirectory.resolve("targets.json");
  }

  /** Writes the file if it would be another one than before. */
  void update(FiguresView view) throws IOException {
    String targets =
        view.instances().stream()
            .filter(instance -> instance.isAlive() && port(instance) != 0)
            .map(MetricsTargets::target)
            .collect(Collectors.joining(",\n  ", "[\n  ", "\n]\n"));
    if (!targets.equals(written)) {
      RunFile.replace(file, targets);
      written = targets;
    }
  }

  /** Written by hand: while all processes start, there is no time to load a library for JSON. */
  private static String target(InstanceFigures instance) {
    return "{\"targets\": [\"127.0.0.1:%s\"], \"labels\": {\"service\": \"%s-service\"}}"
        .formatted(port(instance), instance.stage().label());
  }

  private static long port(InstanceFigures instance) {
    return instance.stats().counter(Figure.METRICS_PORT).get();
  }
}
