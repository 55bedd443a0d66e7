package io.framepipeline.common.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class OutputFileTest {
  @TempDir private Path directory;

  @Test
  void shouldLeaveTheFileAsItIs() throws IOException {
    Path file = Files.writeString(directory.resolve("existing"), "of yesterday");
    OutputFile.check("--json", file);
    assertThat(file).hasContent("of yesterday");

    Path none = directory.resolve("none");
    OutputFile.check("--json", none);
    assertThat(none).doesNotExist();
  }

  @Test
  void shouldNameTheOptionTheReasonAndTheRemedy() {
    assertThatThrownBy(() -> OutputFile.check("--json", directory))
        .isInstanceOf(ExitException.class)
        .hasMessage("--json=%s: is a directory; give a file that this user may write", directory);
  }

  @Test
  void shouldTakeADirectoryBelowOneThatCanBeWritten() {
    assertThat(OutputFile.whyNotDirectory(directory.resolve("to/be/made"))).isEmpty();
    assertThat(OutputFile.whyNotDirectory(Path.of("/dev/null/x")))
        .contains("/dev/null is no directory");
  }
}
