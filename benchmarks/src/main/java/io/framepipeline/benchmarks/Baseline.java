package io.framepipeline.benchmarks;

import io.framepipeline.common.config.ExitCode;
import io.framepipeline.common.config.ExitException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** The program in C that the pipeline is measured against, compiled where it runs. */
final class Baseline {
  private final Path program;

  /**
   * Compiles it.
   *
   * @throws ExitException if there is no gcc
   */
  Baseline(Path home) {
    Path source = home.resolve("benchmarks/src/main/c/baseline.c");
    program = home.resolve("benchmarks/target/baseline");
    List<String> command = new ArrayList<>(List.of("gcc", "-O3", "-march=native"));
    command.addAll(List.of("-ffast-math", "-mno-recip", "-o", program.toString()));
    command.addAll(List.of(source.toString(), "-lm"));
    run(command);
  }

  /** Runs it for so many seconds; returns the figure that it prints. */
  double measure(int seconds, String... mode) {
    return measureAll(seconds, mode)[0];
  }

  /** Runs it for so many seconds; returns the figures that it prints. */
  double[] measureAll(int seconds, String... mode) {
    List<String> command = new ArrayList<>(List.of(program.toString()));
    command.addAll(List.of(mode));
    command.add(Integer.toString(seconds));
    return Arrays.stream(run(command).strip().split(" "))
        .mapToDouble(Double::parseDouble)
        .toArray();
  }

  /** Starts it; it goes on until it is closed. */
  BaselineRun start(String... mode) {
    try {
      Path count = Files.createTempFile("baseline", ".count");
      count.toFile().deleteOnExit();
      List<String> command = new ArrayList<>(List.of(program.toString()));
      command.addAll(List.of(mode));
      command.addAll(List.of(Integer.toString(Integer.MAX_VALUE), count.toString()));
      return new BaselineRun(command, count);
    } catch (IOException e) {
      throw new ExitException(ExitCode.INTERNAL, "cannot start the C program: " + e.getMessage());
    }
  }

  private static String run(List<String> command) {
    try {
      Path output = Files.createTempFile("baseline", ".out");
      try {
        Process process =
            new ProcessBuilder(command)
                .redirectErrorStream(true)
                .redirectOutput(output.toFile())
                .start();
        int code = process.waitFor();
        String text = Files.readString(output, StandardCharsets.UTF_8);
        if (code != 0) {
          throw new IOException("exit code " + code + ": " + text.strip());
        }
        return text;
      } finally {
        Files.delete(output);
      }
    } catch (IOException e) {
      throw new ExitException(
          ExitCode.USAGE,
          "cannot run %s: %s; comparisons with C need gcc".formatted(command, e.getMessage()));
    } catch (InterruptedException e) {
      throw new ExitException(ExitCode.INTERNAL, "interrupted");
    }
  }
}
