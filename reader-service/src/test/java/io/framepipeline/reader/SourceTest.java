package io.framepipeline.reader;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.framepipeline.common.config.ExitException;
import io.framepipeline.common.transport.TestTerminal;
import io.framepipeline.common.wire.Frames;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ServerSocketChannel;
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
        "source %s: its size of %s bytes is no multiple of 4096, %s bytes are left over; "
                .formatted(name, bytes, bytes % 4096)
            + "READER_PARTIAL_FRAME=pad (--partial-frame pad) fills the last frame with zero"
            + " bytes");
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
  void shouldSayThatASocketCannotBeOpened() throws IOException {
    Path socket = directory.resolve("socket");
    try (ServerSocketChannel server = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
      server.bind(UnixDomainSocketAddress.of(socket));
      assertRefused(
          socket.toString(),
          PartialFrame.REFUSE,
          66,
          "source " + socket + ": is a socket" + REMEDY);
    }
  }

  @Test
  void shouldSayWhatIsWrongWithAPathThatCannotBeFollowed() throws IOException {
    String below = file(4096).resolve("below").toString();
    assertRefused(below, PartialFrame.REFUSE, 66, "source " + below + ": no such file" + REMEDY);
    String tooLong = directory.resolve("x".repeat(300)).toString();
    assertRefused(
        tooLong, PartialFrame.REFUSE, 66, "source " + tooLong + ": File name too long" + REMEDY);
    assertRefused(
        "no\0name",
        PartialFrame.REFUSE,
        64,
        "READER_SOURCE=no\0name: must be a path in the locale's characters; LC_ALL=C.UTF-8 allows"
            + " all of them");
  }

  @Test
  void shouldLetOneReaderReadWhatIsConsumedByReadingIt() throws Exception {
    for (String name : new String[] {file(4096).toString(), "/dev/zero", "/dev/urandom"}) {
      assertThatCode(() -> new Source(name).checkReaders("--readers", 2))
          .doesNotThrowAnyException();
    }
    Path fifo = directory.resolve("fifo");
    assertThat(new ProcessBuilder("mkfifo", fifo.toString()).inheritIO().start().waitFor())
        .isZero();
    Path link = Files.createSymbolicLink(directory.resolve("link"), fifo);
    assertOneReader(fifo.toString(), fifo.toString());
    assertOneReader(link.toString(), link.toString());
    assertOneReader("-", "standard input");
    try (TestTerminal terminal = new TestTerminal()) {
      assertOneReader(terminal.path().toString(), terminal.path().toString());
    }
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

  private static void assertOneReader(String name, String shown) {
    Source source = new Source(name);
    assertThatCode(() -> source.checkReaders("--readers", 1)).doesNotThrowAnyException();
    ExitException refused =
        catchThrowableOfType(ExitException.class, () -> source.checkReaders("--readers", 2));
    assertThat(refused)
        .isNotNull()
        .hasMessage("--readers=2: " + shown + " can be read by one reader only");
    assertThat(refused.exitCode()).isEqualTo(64);
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
