package io.framepipeline.reader;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.framepipeline.common.config.ExitCode;
import io.framepipeline.common.config.ExitException;
import io.framepipeline.common.config.Settings;
import java.nio.file.Path;
import java.util.Map;
import java.util.Properties;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ReaderSettingsTest {
  @TempDir private Path directory;

  @Test
  void shouldTakeADirectoryForAbandonedFramesThatCanBeMade() {
    Path abandoned = directory.resolve("to/be/made");
    assertThat(read(abandoned.toString()).abandonedDirectory()).isEqualTo(abandoned);
    assertThat(abandoned).doesNotExist();
  }

  @Test
  void shouldRefuseADirectoryForAbandonedFramesThatCannotBeMade() {
    for (String directory : new String[] {"/dev/null", "/dev/null/x/y"}) {
      ExitException refusal = catchThrowableOfType(ExitException.class, () -> read(directory));
      assertThat(refusal).as(directory).hasMessageContaining("READER_ABANDONED_DIR=" + directory);
      assertThat(refusal.exitCode()).isEqualTo(ExitCode.USAGE);
    }
  }

  private static ReaderSettings read(String abandonedDirectory) {
    return ReaderSettings.read(
        new Settings(
            Map.of("READER_SOURCE", "/dev/zero", "READER_ABANDONED_DIR", abandonedDirectory),
            new Properties()),
        512);
  }
}
