package io.framepipeline.launcher;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeFalse;

import io.framepipeline.common.config.ExitCode;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class RunCommandTest {
  @TempDir private Path directory;

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

  @Test
  void shouldRefuseAReportThatThisUserMayNotWrite() throws Exception {
    Path file = Files.createFile(directory.resolve("r.json"));
    Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("r--r--r--"));
    Files.setPosixFilePermissions(directory, PosixFilePermissions.fromString("r-xr-xr-x"));
    try {
      assumeFalse(Files.isWritable(file), "NOT TESTED: this user may write everything");
      assertRefused(file.toString(), "--json=%s: may not be written by this user");
      Path other = directory.resolve("other.json");
      assertRefused(other.toString(), "--json=%s: its directory may not be written by this user");
    } finally {
      Files.setPosixFilePermissions(directory, PosixFilePermissions.fromString("rwxr-xr-x"));
    }
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
