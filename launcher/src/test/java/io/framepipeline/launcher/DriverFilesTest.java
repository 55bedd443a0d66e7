package io.framepipeline.launcher;

import static org.assertj.core.api.Assertions.assertThat;

import io.aeron.driver.MediaDriver;
import io.aeron.driver.ThreadingMode;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(value = 1, unit = TimeUnit.MINUTES)
class DriverFilesTest {
  @TempDir private Path directory;

  @Test
  void shouldMissTheFilesOfADriverOnceItHasMadeThem() throws Exception {
    Path aeronDirectory = directory.resolve("aeron");
    Path cncFile = aeronDirectory.resolve("cnc.dat");
    DriverFiles files = new DriverFiles(aeronDirectory, ProcessHandle.current().pid());
    DriverFiles ofNextDriver = new DriverFiles(aeronDirectory, 1);
    files.look();
    assertThat(files.areGone()).isFalse();

    try (MediaDriver driver = launch(aeronDirectory)) {
      files.look();
      ofNextDriver.look();
      assertThat(files.areGone()).isFalse();
      assertThat(ofNextDriver.areGone()).isFalse();
      // No question in between: the files were noted already.
      Path elsewhere = Files.move(cncFile, directory.resolve("elsewhere"));
      assertThat(files.areGone()).isTrue();
      Files.createFile(cncFile);
      assertThat(files.areGone()).isTrue();
      assertThat(ofNextDriver.areGone()).as("they were never its own").isFalse();
      Files.delete(cncFile);
      Files.move(elsewhere, cncFile);
      assertThat(files.areGone()).isFalse();
      assertThat(driver.aeronDirectoryName()).isEqualTo(aeronDirectory.toString());
    }
  }

  private static MediaDriver launch(Path aeronDirectory) {
    return MediaDriver.launch(
        new MediaDriver.Context()
            .aeronDirectoryName(aeronDirectory.toString())
            .counterValuesBufferLength(1024 * 1024)
            .dirDeleteOnShutdown(true)
            .threadingMode(ThreadingMode.INVOKER)
            .warnIfDirectoryExists(false)
            .asyncExecutorEnabled(false));
  }
}
