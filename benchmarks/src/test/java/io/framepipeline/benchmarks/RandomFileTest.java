package io.framepipeline.benchmarks;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.framepipeline.common.config.ExitException;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RandomFileTest {
  @TempDir private Path directory;

  @Test
  void isDeletedWhateverAMeasurementThrows() {
    assertThatThrownBy(
            () -> {
              try (RandomFile file = RandomFile.create(directory, 1)) {
                assertThat(file.path()).hasSize(1 << 20);
                throw new IllegalStateException("measured in vain");
              }
            })
        .hasMessage("measured in vain");

    assertThat(directory).isEmptyDirectory();
  }

  @Test
  void directoryThatCannotHoldItIsNamed() {
    Path missing = directory.resolve("missing");

    assertThatThrownBy(() -> RandomFile.create(missing, 1))
        .isInstanceOf(ExitException.class)
        .hasMessageStartingWith(missing + ": cannot hold a file of 1 MiB");
  }
}
