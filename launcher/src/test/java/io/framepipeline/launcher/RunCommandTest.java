package io.framepipeline.launcher;

import static org.assertj.core.api.Assertions.assertThat;

import io.framepipeline.common.config.ExitCode;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class RunCommandTest {
  private final PrintStream standardError = System.err;
  private final ByteArrayOutputStream printed = new ByteArrayOutputStream();

  @BeforeEach
  void captureStandardError() {
    System.setErr(new PrintStream(printed, true, StandardCharsets.UTF_8));
  }

  @AfterEach
  void restoreStandardError() {
    System.setErr(standardError);
  }

  @ParameterizedTest
  @CsvSource({
    "/, '--json=/: is a directory'",
    "/dev, '--json=/dev: is a directory'",
    "'', '--json=: is a directory'",
    "/dev/null/r.json, '--json=/dev/null/r.json: its directory is missing'",
    "/not/there/r.json, '--json=/not/there/r.json: its directory is missing'"
  })
  void shouldRefuseAReportThatCannotBeWritten(String json, String line) {
    assertRefused(json, line);
  }

  private void assertRefused(String json, String line) {
    printed.reset();
    assertThat(Pipeline.commandLine().execute("run", "--json", json)).isEqualTo(ExitCode.USAGE);
    assertThat(printed.toString(StandardCharsets.UTF_8).lines())
        .singleElement()
        .asString()
        .contains(line.formatted(json));
  }
}
