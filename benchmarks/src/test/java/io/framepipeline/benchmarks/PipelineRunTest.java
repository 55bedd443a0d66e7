package io.framepipeline.benchmarks;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.framepipeline.common.config.ExitException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PipelineRunTest {
  @TempDir private Path home;

  @BeforeEach
  void makeAPipelineThatFails() throws IOException {
    Path script = home.resolve("pipeline");
    Files.writeString(script, "#!/bin/sh\necho no such luck >&2\nexit 71\n");
    Files.setPosixFilePermissions(script, PosixFilePermissions.fromString("rwx------"));
  }

  @Test
  void logThatAFailureNamesIsKept() throws IOException {
    ExitException failure = failureOf(PipelineRun::awaitFirstNorm);

    assertThat(failure).hasMessageContaining("exit code 71");
    assertThat(log(failure)).content().isEqualTo("no such luck\n");
    Files.delete(log(failure));
  }

  @Test
  void nothingIsMeasuredOfARunThatHasEnded() throws IOException {
    ExitException failure = failureOf(PipelineRun::now);

    assertThat(failure).hasMessageContaining("the pipeline has ended");
    Files.delete(log(failure));
  }

  private ExitException failureOf(Consumer<PipelineRun> measurement) {
    try (PipelineRun run = new PipelineRun(home, Map.of(), List.of())) {
      run.process().onExit().join();
      return catchThrowableOfType(ExitException.class, () -> measurement.accept(run));
    }
  }

  private static Path log(ExitException failure) {
    return Path.of(failure.getMessage().replaceFirst(".*: see ", ""));
  }
}
