package io.framepipeline.common.transport;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.within;

import io.framepipeline.common.service.ExitCode;
import io.framepipeline.common.service.ExitException;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

@Timeout(value = 1, unit = TimeUnit.MINUTES)
class SharedMemorySizeTest {
  private static final Channels CHANNELS = Channels.of(Channels.DEFAULT);
  private static final long MEBIBYTE = 1024 * 1024;

  @TempDir private Path directory;

  /** As docs/operations.md has them. */
  @ParameterizedTest
  @CsvSource({"1, 1, 1, 19", "1, 3, 2, 31", "2, 4, 3, 50", "4, 8, 4, 108"})
  void shouldNeedALogPerSenderAndInbox(int readers, int reciprocals, int norms, double mebibytes) {
    long needed = SharedMemorySize.needed(CHANNELS, readers, reciprocals, norms);

    assertThat((double) needed / MEBIBYTE).isCloseTo(mebibytes, within(1.0));
  }

  @Test
  void shouldRefuseWhatIsTooSmallForOneOfEach() {
    Path aeronDirectory = Path.of("/shared/aeron");
    SharedMemorySize tooSmall = new SharedMemorySize(aeronDirectory, CHANNELS, 18 * MEBIBYTE);

    assertThatExceptionOfType(ExitException.class)
        .isThrownBy(tooSmall::requireRoomForOneOfEach)
        .withMessage(
            "AERON_DIR=/shared/aeron: its file system has 18 MiB, but reader=1 reciprocal=1 norm=1 need 19 MiB; enlarge it, or run fewer instances")
        .satisfies(e -> assertThat(e.exitCode()).isEqualTo(ExitCode.USAGE));
    new SharedMemorySize(aeronDirectory, CHANNELS, 19 * MEBIBYTE).requireRoomForOneOfEach();
  }

  @Test
  void shouldRefuseAWindowThatDoesNotFitBesideOneOfEach() {
    Path aeronDirectory = Path.of("/shared/aeron");
    SharedMemorySize size = new SharedMemorySize(aeronDirectory, CHANNELS, 64 * MEBIBYTE);

    size.requireRoomForWindow(8192);
    assertThatExceptionOfType(ExitException.class)
        .isThrownBy(() -> size.requireRoomForWindow(16384))
        .withMessage(
            "READER_WINDOW_FRAMES=16384: the file system of AERON_DIR=/shared/aeron has 64 MiB, but such a window and one instance of each stage need 80 MiB; enlarge it, or give a smaller window")
        .satisfies(e -> assertThat(e.exitCode()).isEqualTo(ExitCode.USAGE));
  }

  @Test
  void shouldAskTheFileSystemThatTheDirectoryWillBeIn() {
    new SharedMemorySize(directory.resolve("not/yet/there"), CHANNELS).requireRoomForOneOfEach();
  }

  @Test
  void shouldCountTheInstancesThatAreThereAndTheOneThatJoins() {
    SharedMemorySize size = new SharedMemorySize(directory, CHANNELS, 20 * MEBIBYTE);
    try (SteppedDriver driver = new SteppedDriver()) {
      SteppedDriver.Peer peer = driver.startPeer();
      assertThat(size.shortageFor(Stage.READER, peer.connection())).isEmpty();
      for (int i = 0; i < 2; i++) {
        peer.own(
            RecordingInbox.open(peer.connection(), CHANNELS.frames(), Stage.RECIPROCAL, 100 + i));
      }

      assertThat(size.shortageFor(Stage.READER, peer.connection()))
          .hasValueSatisfying(line -> assertThat(line).contains("reader=1 reciprocal=2 norm=1"));
      assertThat(size.shortageFor(Stage.RECIPROCAL, peer.connection()))
          .hasValueSatisfying(line -> assertThat(line).contains("reader=1 reciprocal=3 norm=1"));
    }
  }
}
