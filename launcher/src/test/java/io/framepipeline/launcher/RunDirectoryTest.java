package io.framepipeline.launcher;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RunDirectoryTest {
  @TempDir private Path directory;

  @Test
  void shouldNotTakeDirectoriesWithoutAnOwnerForRunningPipelines() throws Exception {
    Files.createDirectory(directory.resolve("frame-pipeline-1"));
    Path killed = Files.createDirectory(directory.resolve("frame-pipeline-2"));
    Files.createFile(killed.resolve("lock"));
    Files.createFile(directory.resolve("frame-pipeline-3"));
    assertThat(RunDirectory.running(directory)).isEmpty();
  }
}
