package io.framepipeline.benchmarks;

import static org.assertj.core.api.Assertions.assertThat;

import io.framepipeline.common.config.ExitCode;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class BenchTest {
  private final PrintStream standardError = System.err;
  private final ByteArrayOutputStream errors = new ByteArrayOutputStream();

  @TempDir private Path directory;

  @BeforeEach
  void replaceStandardError() {
    System.setErr(new PrintStream(errors, true, StandardCharsets.UTF_8));
  }

  @AfterEach
  void restoreStandardError() {
    System.setErr(standardError);
  }

  @Test
  void fileThatCannotBeWrittenIsRefusedBeforeAnythingIsMeasured() {
    Path file = directory.resolve("missing/figures.json");

    assertRefused(
        "--json=%s: its directory is missing; give a file that this user may write".formatted(file),
        "--json=" + file);
  }

  @Test
  void roundsAreOneOrMore() {
    assertRefused("--rounds=0: must be 1 or more", "--rounds=0");
  }

  @Test
  void wrongArgumentIsOneLine() {
    assertRefused(
        "Invalid value for option '--seconds': 'x' is not an int; see ./pipeline bench --help",
        "--seconds=x");
  }

  private void assertRefused(String line, String... args) {
    assertThat(Bench.commandLine().execute(args)).isEqualTo(ExitCode.USAGE);
    assertThat(errors.toString(StandardCharsets.UTF_8))
        .isEqualTo("pipeline bench: " + line + System.lineSeparator());
  }
}
