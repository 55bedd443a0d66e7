package io.framepipeline.systemtests;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.framepipeline.common.metrics.Figure;
import io.framepipeline.common.topology.Stage;
import io.framepipeline.common.transport.TestTerminal;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Locales, folders and standard streams that are not as on the machine of who wrote this. */
@Timeout(value = 3, unit = TimeUnit.MINUTES)
class StrangeMachineIT {
  private static final String HOME = System.getProperty("pipeline.home");

  @TempDir private Path directory;

  @ParameterizedTest
  @ValueSource(strings = {"LC_ALL=C", "LC_ALL=POSIX", "LC_ALL=xx_YY.UTF-8", "NOTHING=set"})
  void shouldReadAFileWithANameThatIsNotAsciiInEveryLocale(String locale) throws Exception {
    // Spelt by the shell, since this JVM may be in such a locale, too.
    PipelineProcess.Outcome run =
        sh(
            """
            file=$(printf 'gr\\303\\266\\303\\237e.bin')
            head -c 40960 /dev/zero >"$file"
            exec env -u LANG -u LC_CTYPE -u LC_ALL %s "%s/pipeline" run --source "$file"
            """
                .formatted(locale, HOME));
    assertThat(run.exitCode()).as(run.err()).isZero();
    assertThat(run.err()).contains("ledger: read 10 = acknowledged 10 ");
    assertThat(run.err()).as("ASCII").matches("\\p{ASCII}*");
  }

  @Test
  void shouldServeMetricsWhereDecimalsHaveACommaAndDigitsAreOthers() throws Exception {
    for (String locale :
        new String[] {"-Duser.language=de -Duser.country=DE", "-Duser.language=ar-u-nu-arab"}) {
      try (PipelineProcess run =
              PipelineProcess.run(directory, Map.of("JAVA_TOOL_OPTIONS", locale), "--rate", "100");
          HttpClient http = HttpClient.newHttpClient()) {
        run.awaitAcknowledged(10);
        long port = run.stats(Stage.NORM).counter(Figure.METRICS_PORT).get();
        HttpResponse<String> metrics =
            http.send(
                HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + "/metrics")).build(),
                HttpResponse.BodyHandlers.ofString());
        assertThat(metrics.statusCode()).isEqualTo(200);
        assertThat(metrics.body()).contains("pipeline_norm_bucket{stage=\"norm\",le=\"0.25\"} 0\n");
        run.assertDrains();
      }
    }
  }

  @Test
  void shouldRunByALinkFromAnotherFolderAndWithoutAHome() throws Exception {
    PipelineProcess.Outcome version =
        sh(
            """
            mkdir bin other
            ln -s "%s/pipeline" bin/absolute
            ln -s ../bin/absolute other/relative
            cd other
            CDPATH=/ env -u HOME ./relative --version && sh relative --version
            """
                .formatted(HOME));
    assertThat(version.exitCode()).as(version.err()).isZero();
    assertThat(version.out().lines())
        .hasSize(2)
        .allMatch(line -> line.startsWith("frame-pipeline"));
    assertThat(version.err()).isEmpty();
  }

  @Test
  void shouldRunInAFolderWithBlanksAndOtherCharactersThanAscii() throws Exception {
    PipelineProcess.Outcome run =
        sh(
            """
            home=$(printf 'my chec\\303\\266ut')
            mkdir "$home"
            cp -rp "%1$s/pipeline" "%1$s/pom.xml" "%1$s/config" "$home"
            ln -s "%1$s/launcher" "$home"
            exec "$home/pipeline" run --frames 100
            """
                .formatted(HOME));
    assertThat(run.exitCode()).as(run.err()).isZero();
    assertThat(run.err()).contains("ledger: read 100 = acknowledged 100 ");
  }

  @ParameterizedTest
  @ValueSource(strings = {"- <&-", "/dev/stdin <&-", "- <.", "- 0>file", "- <&- >&-"})
  void shouldSayThatStandardInputCannotBeRead(String source) throws Exception {
    PipelineProcess.Outcome run =
        sh("exec \"%s/pipeline\" run --source %s".formatted(HOME, source));
    assertThat(run.exitCode()).isEqualTo(66);
    assertThat(run.err().lines()).singleElement().asString().contains("source ");
  }

  @Test
  void shouldRunWithoutStandardStreams() throws Exception {
    PipelineProcess.Outcome run =
        sh(
            "\"%s/pipeline\" run --frames 100 --json report.json <&- >&- 2>&-; code=$?; cat report.json; exit $code"
                .formatted(HOME));
    assertThat(run.exitCode()).isZero();
    assertThat(run.out()).contains("\"framesAcknowledged\" : 100");
  }

  @Test
  void shouldReadWhatAShellSubstitutes() throws Exception {
    PipelineProcess.Outcome run =
        sh(
            """
            head -c 40960 /dev/zero | "%s/pipeline" run --source /dev/fd/9 9<&0 </dev/null
            """
                .formatted(HOME));
    assertThat(run.exitCode()).as(run.err()).isZero();
    assertThat(run.err()).contains("ledger: read 10 = acknowledged 10 ");
  }

  @Test
  void shouldReadATerminalAndLeaveItToOthersWhenTheReaderDies() throws Exception {
    String frame = ("x".repeat(63) + "\n").repeat(64);
    try (TestTerminal terminal = new TestTerminal();
        PipelineProcess run =
            PipelineProcess.run(directory, "--source", terminal.path().toString())) {
      terminal.type(frame);
      run.awaitAcknowledged(1);
      ProcessHandle reader = run.services(Stage.READER).getFirst();
      assertThat(controllingTerminal(reader.pid())).isZero();

      reader.destroyForcibly();
      await()
          .atMost(PipelineProcess.LIMIT)
          .until(() -> run.services(Stage.READER), now -> now.size() == 1 && !now.contains(reader));
      terminal.type(frame);
      run.awaitAcknowledged(1);
      terminal.typeControlD();

      assertThat(run.awaitExit()).as(run.err()).isZero();
      run.assertNothingLost(2);
    }
  }

  @Test
  void shouldLeaveAFifoToTheRunThatReadsIt() throws Exception {
    Path fifo = directory.resolve("fifo");
    assertThat(sh("mkfifo fifo").exitCode()).isZero();
    try (RandomAccessFile writer = new RandomAccessFile(fifo.toFile(), "rw");
        PipelineProcess first = PipelineProcess.run(directory, "--source", fifo.toString())) {
      writer.write(new byte[4096]);
      first.awaitAcknowledged(1);
      try (PipelineProcess second = PipelineProcess.run(directory, "--source", fifo.toString())) {
        assertThat(second.awaitExit()).isEqualTo(64);
        assertThat(second.err()).contains("another process reads it already");
      }
      assertThat(
              PipelineProcess.command(
                  directory, "scale", "--dir=" + first.runDirectory(), "reader=2"))
          .satisfies(
              scale -> {
                assertThat(scale.exitCode()).isEqualTo(64);
                assertThat(scale.err())
                    .contains("reader=2: " + fifo + " can be read by one reader");
              });
      first.assertDrains();
    }
  }

  @Test
  void shouldRefuseToWriteWhereThisUserMayNot() throws Exception {
    // Root may write everywhere, unless it does without this capability.
    String setUp =
        """
        drop=; [ "$(id -u)" != 0 ] || drop="setpriv --bounding-set=-dac_override"
        mkdir -p closed; touch file; chmod a-w closed file
        """;
    for (String refused :
        new String[] {
          "--json=file: may not be written by this user",
          "--json=closed/file: its directory may not be written by this user",
          "READER_RESULTS=closed/file: its directory may not be written by this user",
          "READER_ABANDONED_DIR=closed/made: %s/closed may not be written by this user"
              .formatted(directory)
        }) {
      String option = refused.substring(0, refused.indexOf(':'));
      boolean isSetting = !option.startsWith("--");
      PipelineProcess.Outcome run =
          sh(
              setUp
                  + "exec %s $drop \"%s/pipeline\" run --frames 1 %s"
                      .formatted(isSetting ? "env " + option : "", HOME, isSetting ? "" : option));
      assertThat(run.exitCode()).as(refused).isEqualTo(64);
      assertThat(run.err().lines()).singleElement().asString().contains(refused);
    }
  }

  @Test
  void shouldDoWithoutSystemCallsThatItDoesNotKnow() throws Exception {
    PipelineProcess.Outcome run =
        sh(
            """
            export JAVA_TOOL_OPTIONS=-Dos.arch=unknown
            exec "%s/pipeline" run --frames 5000 --rate 1000
            """
                .formatted(HOME));
    assertThat(run.exitCode()).as(run.err()).isZero();
    assertThat(run.err()).contains("ledger: read 5,000 = acknowledged 5,000 ");
  }

  /** The device number of a process's controlling terminal; 0 if it has none. */
  private static int controllingTerminal(long pid) throws IOException {
    String stat = Files.readString(Path.of("/proc", Long.toString(pid), "stat"));
    return Integer.parseInt(stat.substring(stat.lastIndexOf(')') + 2).split(" ", 6)[4]);
  }

  private PipelineProcess.Outcome sh(String script) throws Exception {
    Path out = directory.resolve("out");
    Path err = directory.resolve("err");
    Process shell =
        new ProcessBuilder("sh", "-c", script)
            .directory(directory.toFile())
            .redirectInput(Path.of("/dev/null").toFile())
            .redirectOutput(out.toFile())
            .redirectError(err.toFile())
            .start();
    try {
      assertThat(shell.waitFor(PipelineProcess.LIMIT.toSeconds(), TimeUnit.SECONDS))
          .as(() -> "has ended within the watchdog's time: " + script)
          .isTrue();
    } finally {
      shell.destroy();
    }
    return new PipelineProcess.Outcome(
        shell.exitValue(), Files.readString(out), Files.readString(err));
  }
}
