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

class ScaleCommandTest {
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
    "scale, STAGE=N",
    "scale reader, KEY=VALUE",
    "scale driver=2, but was 'driver'",
    "scale reader=many, is not an int",
    "scale reader=0, reader=0: must be from 1 to 64",
    "scale norm=2 reciprocal=65, reciprocal=65: must be from 1 to 64",
    "scale norm=2 --dir, --dir",
    "status norm, norm"
  })
  void shouldRefuseWrongUsageWithOneLineThatNamesIt(String arguments, String reason) {
    assertThat(Pipeline.commandLine().execute(arguments.split(" ", -1))).isEqualTo(ExitCode.USAGE);
    assertThat(printed.toString(StandardCharsets.UTF_8).lines())
        .singleElement()
        .asString()
        .contains(reason);
  }
}
