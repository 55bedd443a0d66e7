package io.framepipeline.systemtests;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.framepipeline.common.service.LocalRun;
import io.framepipeline.common.topology.Stage;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * What a machine may refuse: processes, and places to write to. One line and an exit code say so.
 */
@Timeout(value = 3, unit = TimeUnit.MINUTES)
class SurroundingsIT {
  private static final int LOST = 1;
  private static final int USAGE = 64;
  private static final int INTERNAL = 70;
  private static final int START = 71;
  private static final int OUTPUT = 74;

  @TempDir private Path directory;

  @Test
  void shouldSayThatNoServiceCanBeStarted() throws Exception {
    Path chrt = Files.writeString(directory.resolve("chrt"), "#!/bin/sh\nexit 9\n");
    Files.setPosixFilePermissions(chrt, PosixFilePermissions.fromString("rwxr-xr-x"));
    Map<String, String> environment = Map.of("PATH", directory + ":" + System.getenv("PATH"));

    try (PipelineProcess run = PipelineProcess.run(directory, environment, "--frames", "1000")) {
      assertThat(run.awaitExit()).isEqualTo(START);
      assertThat(run.err().lines().filter(line -> line.contains("exit code 9")))
          .singleElement()
          .asString()
          .contains("cannot be started, tried 4 times: ended with exit code 9");
      assertThat(run.runDirectory()).doesNotExist();
    }
  }

  @Test
  void shouldSayWhichToolIsMissing() throws Exception {
    Path tools = Files.createDirectory(directory.resolve("tools"));
    for (String tool :
        List.of("cat", "dirname", "find", "readlink", "sed", "sh", "tr", "chrt", "setpriv")) {
      Files.createSymbolicLink(tools.resolve(tool), whereIs(tool));
    }
    Map<String, String> environment =
        Map.of("PATH", tools.toString(), "JAVA_HOME", System.getProperty("java.home"));

    try (PipelineProcess run = PipelineProcess.run(directory, environment, "--frames", "1000")) {
      assertThat(run.awaitExit()).isEqualTo(START);
      assertThat(run.err().lines())
          .singleElement()
          .asString()
          .isEqualTo(
              "pipeline run: setsid: not found; install util-linux, or put its directory on the PATH");
    }
  }

  /** Exit code 1, the JVM's own, would say that frames were lost. */
  @Test
  void shouldSayThatTheCommandsJvmCannotStart() throws Exception {
    try (PipelineProcess run =
        PipelineProcess.run(directory, Map.of("JAVA_TOOL_OPTIONS", "-XX:+UseG1GC"))) {
      assertThat(run.awaitExit()).isEqualTo(START);
      assertThat(run.err().lines())
          .singleElement()
          .asString()
          .contains("Multiple garbage collectors selected")
          .contains("JAVA_TOOL_OPTIONS");
    }
  }

  @Test
  void shouldPrintTheReportThoughItCannotBeWritten() throws Exception {
    PipelineProcess.Outcome outcome =
        PipelineProcess.command(directory, "run", "--frames", "1000", "--json", "/dev/full");
    assertThat(outcome.exitCode()).isEqualTo(OUTPUT);
    assertThat(outcome.err())
        .contains("ledger: read 1,000 = acknowledged 1,000")
        .contains("--json=/dev/full: cannot be written: No space left on device");
  }

  @Test
  void shouldSayThatStandardOutputCannotBeWritten() throws Exception {
    try (PipelineProcess run = PipelineProcess.run(directory, "--rate", "1000")) {
      run.awaitAcknowledged(1);
      String runDirectory = run.runDirectory().toString();
      assertCannotPrint("status", "--json", "--dir", runDirectory);
      assertCannotPrint("scale", "norm=1", "--dir", runDirectory);
      run.assertDrains();
    }
  }

  @Test
  void shouldStartNothingIfSharedMemoryIsNearlyFull() throws Exception {
    SharedMemory sharedMemory = SharedMemory.ofItsOwn("64m");
    assumeTrue(sharedMemory.works(), "NOT TESTED: this user may not mount a tmpfs");
    List<String> fill =
        List.of("sh", "-c", "head -c 55M /dev/zero > /dev/shm/fill; exec \"$@\"", "sh");

    try (PipelineProcess run = PipelineProcess.runBy(sharedMemory, fill, directory)) {
      assertThat(run.awaitExit()).isEqualTo(USAGE);
      assertThat(run.err().lines())
          .singleElement()
          .asString()
          .matches(".* has 9 MiB left, but reader=1 .* need \\d+ MiB more.*");
    }
  }

  @Test
  void shouldRefuseMoreInstancesThanTheDriverHasCountersFor() throws Exception {
    try (PipelineProcess run = PipelineProcess.run(directory, "--rate", "1000")) {
      run.awaitAcknowledged(1);
      List<String> command = new ArrayList<>(List.of("scale", "--dir=" + run.runDirectory()));
      Stage.ALL.stream().skip(1).forEach(stage -> command.add(stage.label() + "=64"));
      PipelineProcess.Outcome outcome =
          PipelineProcess.command(directory, command.toArray(String[]::new));
      assertThat(outcome.exitCode()).isEqualTo(USAGE);
      assertThat(outcome.err().lines())
          .singleElement()
          .asString()
          .matches(".*8192 counters, but reader=1 reciprocal=64 .*norm=64 need.*");
      run.assertDrains();
    }
  }

  /** As systemd-logind does when a user logs out. */
  @Test
  void shouldEndWithTheLedgerIfItsDirectoryIsDeleted() throws Exception {
    try (PipelineProcess run = PipelineProcess.run(directory, "--rate", "1000")) {
      run.awaitAcknowledged(100);
      List<ProcessHandle> processes = run.process().descendants().toList();
      LocalRun.delete(run.runDirectory());

      assertThat(run.awaitExit()).isIn(LOST, INTERNAL);
      assertThat(run.err())
          .contains("was deleted under this run, which ends; ")
          .contains("RemoveIPC=no")
          .contains("ledger: read ");
      assertThat(run.isGone(processes)).isTrue();
    }
  }

  @Test
  void shouldGoOnIfTheDriversFilesAreDeleted() throws Exception {
    try (PipelineProcess run = PipelineProcess.run(directory, "--rate", "1000")) {
      // As early as can be: the driver has made its files a moment ago.
      run.awaitAcknowledged(1);
      LocalRun.delete(run.aeronDirectory());
      // More than was under way: the services have found the next driver.
      run.awaitFurtherAcknowledged(5000);
      run.assertDrains();
    }
  }

  private void assertCannotPrint(String... command) {
    PipelineProcess.Outcome outcome =
        PipelineProcess.command(directory, Path.of("/dev/full"), command);
    assertThat(outcome.exitCode()).isEqualTo(OUTPUT);
    assertThat(outcome.err()).isEqualTo("pipeline: standard output cannot be written\n");
  }

  private static Path whereIs(String tool) {
    return List.of(System.getenv("PATH").split(":")).stream()
        .map(path -> Path.of(path, tool))
        .filter(Files::isExecutable)
        .findFirst()
        .orElseThrow();
  }
}
