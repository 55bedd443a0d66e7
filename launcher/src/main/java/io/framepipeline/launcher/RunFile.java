package io.framepipeline.launcher;

import io.framepipeline.common.config.ExitCode;
import io.framepipeline.common.config.ExitException;
import io.framepipeline.common.topology.Stage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.EnumMap;
import java.util.Map;

/**
 * What a run tells other commands that no figure tells: a file in its directory.
 *
 * @param asked how many instances of each stage were asked for last
 * @param wanted how many are wanted now; a reader whose input has ended is wanted no more
 */
record RunFile(Map<Stage, Integer> asked, Map<Stage, Integer> wanted) {
  private static final String NAME = "instances";

  /**
   * Reads the file of a run.
   *
   * @throws ExitException if the run has just ended
   */
  static RunFile read(Path runDirectory) {
    Map<Stage, Integer> asked = new EnumMap<>(Stage.class);
    Map<Stage, Integer> wanted = new EnumMap<>(Stage.class);
    try {
      for (String line : Files.readAllLines(runDirectory.resolve(NAME))) {
        String[] words = line.split(" ", -1);
        Stage stage = Stage.valueOf(words[0]);
        asked.put(stage, Integer.valueOf(words[1]));
        wanted.put(stage, Integer.valueOf(words[2]));
      }
    } catch (IOException e) {
      throw isNotThere(runDirectory, e);
    }
    return new RunFile(asked, wanted);
  }

  /** What a command tells its user if a file that a run keeps is not there. */
  static ExitException isNotThere(Path runDirectory, IOException e) {
    return new ExitException(
        ExitCode.USAGE,
        "%s: the run has just begun, or has ended: %s".formatted(runDirectory, e.getMessage()));
  }

  /** Writes a line for each stage: its name, and the two counts. */
  void write(Path runDirectory) throws IOException {
    StringBuilder lines = new StringBuilder();
    asked.forEach(
        (stage, count) -> lines.append("%s %s %s%n".formatted(stage, count, wanted.get(stage))));
    replace(runDirectory.resolve(NAME), lines.toString());
  }

  /** Writes a file that others may read at any time: they see the old one or the new one. */
  static void replace(Path file, String content) throws IOException {
    Path unfinished = file.resolveSibling(file.getFileName() + ".new");
    Files.writeString(unfinished, content);
    Files.move(unfinished, file, StandardCopyOption.ATOMIC_MOVE);
  }
}
