package io.framepipeline.reader;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.aeron.CommonContext;
import io.framepipeline.common.config.ExitException;
import io.framepipeline.common.config.Settings;
import io.framepipeline.common.metrics.StageStats;
import io.framepipeline.common.service.CommonSettings;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Properties;
import java.util.stream.Stream;
import org.agrona.IoUtil;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(60)
class ReaderServiceTest {
  @TempDir private Path directory;

  private final Path sharedDirectory = Path.of(CommonContext.generateRandomDirName());

  @AfterEach
  void deleteSharedDirectory() {
    IoUtil.delete(sharedDirectory.toFile(), true);
  }

  @Test
  void shouldLeaveItsNumberToTheNextReaderIfItsResultsAreRefused() throws IOException {
    Path existing = Files.createFile(directory.resolve("existing.txt"));
    assertThatThrownBy(() -> start(existing))
        .isInstanceOf(ExitException.class)
        .hasMessageContaining("existing.txt: exists");
    try (Stream<Path> files = Files.list(sharedDirectory.resolve("aeron.readers"))) {
      assertThat(files).extracting(Path::getFileName).containsExactly(Path.of("lock"));
    }

    Path results = directory.resolve("results.txt");
    start(results).close();
    assertThat(results).as("the first reader's file").exists();
  }

  private ReaderService start(Path results) throws IOException {
    Files.createDirectories(sharedDirectory);
    Settings settings =
        new Settings(
            Map.of(
                "AERON_DIR",
                sharedDirectory.resolve("aeron").toString(),
                "READER_SOURCE",
                "/dev/zero",
                "READER_RESULTS",
                results.toString()),
            new Properties());
    return new ReaderService(
        ReaderSettings.read(settings, 64), CommonSettings.read(settings), StageStats.inMemory());
  }
}
