package io.framepipeline.reader;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.framepipeline.common.frame.Frames;
import io.framepipeline.common.service.ExitException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

class SourceTest {
  private static final String REMEDY =
      "; give a readable device, file or FIFO, or - for standard input";

  @TempDir private Path directory;

  @ParameterizedTest
  @EnumSource
  void shouldSayThatThereIsNoSuchFile(PartialFrame partialFrame) {
    String name = directory.resolve("missing").toString();

    assertRefused(name, partialFrame, 66, "source " + name + ": no such file" + REMEDY);
  }

  @ParameterizedTest
  @EnumSource
  void shouldSayThatItIsADirectory(PartialFrame partialFrame) {
    String name = directory.toString();

    assertRefused(name, partialFrame, 66, "source " + name + ": is a directory" + REMEDY);
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 4095, 4097, 3 * 4096 + 5})
  void shouldRefuseAFileThatEndsInsideAFrame(int bytes) throws IOException {
    String name = file(bytes).toString();

    assertRefused(
        name,
        PartialFrame.REFUSE,
        65,
        "source %s: its size of %d bytes is no multiple of 4096, %d bytes are left over; "
                .formatted(name, bytes, bytes % 4096)
            + "READER_PARTIAL_FRAME=pad (--partial-frame pad) fills the last frame with zero bytes");
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 4095, 4097})
  void shouldTakeAFileThatEndsInsideAFrameIfItIsToBePadded(int bytes) throws IOException {
    Source source = new Source(file(bytes).toString());

    assertThatCode(() -> source.check(PartialFrame.PAD)).doesNotThrowAnyException();
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 3})
  void shouldTakeAFileOfWholeFrames(int frames) throws IOException {
    Source source = new Source(file(frames * Frames.BYTE_PAYLOAD_LENGTH).toString());

    assertThatCode(() -> source.check(PartialFrame.REFUSE)).doesNotThrowAnyException();
  }

  @Test
  void shouldTakeADeviceAndStandardInputWithoutAskingForTheirSize() {
    assertThatCode(() -> new Source("/dev/zero").check(PartialFrame.REFUSE))
        .doesNotThrowAnyException();
    assertThatCode(() -> new Source("-").check(PartialFrame.REFUSE)).doesNotThrowAnyException();
    assertThat(new Source("-").isStandardInput()).isTrue();
    assertThat(new Source("./-").isStandardInput()).isFalse();
  }

  @Test
  void shouldRepeatRegularFilesOnly() throws IOException {
    Source regular = new Source(file(4096).toString());
    assertThatCode(regular::checkRepeatable).doesNotThrowAnyException();

    for (String name : new String[] {"/dev/zero", "-", directory.resolve("missing").toString()}) {
      ExitException refused =
          catchThrowableOfType(ExitException.class, new Source(name)::checkRepeatable);
      assertThat(refused)
          .isNotNull()
          .hasMessageStartingWith("source " + name + ": no regular file");
      assertThat(refused.exitCode()).isEqualTo(64);
    }
  }

  private Path file(int bytes) throws IOException {
    return Files.write(directory.resolve("input"), new byte[bytes]);
  }

  private static void assertRefused(
      String name, PartialFrame partialFrame, int exitCode, String line) {
    ExitException refused =
        catchThrowableOfType(ExitException.class, () -> new Source(name).check(partialFrame));
    assertThat(refused).isNotNull().hasMessage(line);
    assertThat(refused.exitCode()).isEqualTo(exitCode);
  }
}
