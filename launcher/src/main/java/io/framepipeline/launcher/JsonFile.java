package io.framepipeline.launcher;

import io.framepipeline.common.config.ExitCode;
import io.framepipeline.common.config.ExitException;
import io.framepipeline.common.config.OutputFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import tools.jackson.databind.SerializationFeature;
import tools.jackson.databind.json.JsonMapper;

/** The file of an option {@code --json}. */
public final class JsonFile {
  private static final String OPTION = "--json";

  private JsonFile() {}

  /**
   * Checks the file before anything is done for it.
   *
   * @throws ExitException with {@link ExitCode#USAGE} if this user cannot write the file
   */
  public static void check(Path file) {
    OutputFile.check(OPTION, file);
  }

  /**
   * Writes a value, in place of what the file holds.
   *
   * @throws ExitException with {@link ExitCode#OUTPUT} if that fails
   */
  public static void write(Path file, Object value) {
    try {
      Files.write(
          file,
          JsonMapper.builder()
              .enable(SerializationFeature.INDENT_OUTPUT)
              .build()
              .writeValueAsBytes(value));
    } catch (IOException e) {
      throw new ExitException(
          ExitCode.OUTPUT, "%s=%s: cannot be written: %s".formatted(OPTION, file, e.getMessage()));
    }
  }
}
