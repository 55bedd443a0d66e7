package io.framepipeline.common.transport;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.within;

import io.framepipeline.common.config.ExitCode;
import io.framepipeline.common.config.ExitException;
import io.framepipeline.common.topology.InstanceCounts;
import io.framepipeline.common.topology.Stage;
import io.framepipeline.common.wire.Frames;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.OptionalLong;
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
  @CsvSource({"1, 1, 1, 20", "1, 3, 2, 32", "2, 4, 3, 52", "4, 8, 4, 114"})
  void shouldNeedALogPerSenderAndInbox(int readers, int reciprocals, int norms, double mebibytes) {
    InstanceCounts instances = instances(readers, reciprocals, norms);
    long needed = SharedMemorySize.needed(CHANNELS, instances, Frames.DEFAULT_WINDOW_FRAMES);

    assertThat((double) needed / MEBIBYTE).isCloseTo(mebibytes, within(1.0));
  }

  @Test
  void shouldRefuseWhatIsTooSmallForOneOfEach() {
    Path aeronDirectory = Path.of("/shared/aeron");
    SharedMemorySize tooSmall =
        new SharedMemorySize(aeronDirectory, CHANNELS, OptionalLong.empty(), 20 * MEBIBYTE, 0);

    assertThatExceptionOfType(ExitException.class)
        .isThrownBy(tooSmall::requireRoomForOneOfEach)
        .withMessage(
            "AERON_DIR=/shared/aeron: its file system has 20 MiB, but reader=1 reciprocal=1 norm=1 need 21 MiB; enlarge it, or run fewer instances")
        .satisfies(e -> assertThat(e.exitCode()).isEqualTo(ExitCode.USAGE));
    new SharedMemorySize(aeronDirectory, CHANNELS, OptionalLong.empty(), 21 * MEBIBYTE, 0)
        .requireRoomForOneOfEach();
  }

  /** A tmpfs may be larger than what a platform allows a pipeline to put into it. */
  @Test
  void shouldGoByTheLimitWhereTheFileSystemHasMore() {
    Path aeronDirectory = Path.of("/shared/aeron");
    SharedMemorySize limited =
        new SharedMemorySize(
            aeronDirectory, CHANNELS, OptionalLong.of(20 * MEBIBYTE), 1024 * MEBIBYTE, 0);

    assertThatExceptionOfType(ExitException.class)
        .isThrownBy(limited::requireRoomForOneOfEach)
        .withMessage(
            "PIPELINE_SHARED_MEMORY allows 20 MiB, but reader=1 reciprocal=1 norm=1 need 21 MiB; enlarge it, or run fewer instances")
        .satisfies(e -> assertThat(e.exitCode()).isEqualTo(ExitCode.USAGE));
    assertThatExceptionOfType(ExitException.class)
        .isThrownBy(() -> limited.requireRoomForWindow(1024))
        .withMessageStartingWith(
            "READER_WINDOW_FRAMES=1024: PIPELINE_SHARED_MEMORY allows 20 MiB, but such a window");
  }

  @Test
  void shouldGoByTheFileSystemWhereTheLimitIsLarger() {
    SharedMemorySize small =
        new SharedMemorySize(
            Path.of("/shared/aeron"), CHANNELS, OptionalLong.of(1024 * MEBIBYTE), 20 * MEBIBYTE, 0);

    assertThatExceptionOfType(ExitException.class)
        .isThrownBy(small::requireRoomForOneOfEach)
        .withMessageStartingWith("AERON_DIR=/shared/aeron: its file system has 20 MiB");
  }

  @Test
  void shouldRefuseAWindowThatDoesNotFitBesideOneOfEach() {
    Path aeronDirectory = Path.of("/shared/aeron");
    SharedMemorySize size =
        new SharedMemorySize(aeronDirectory, CHANNELS, OptionalLong.empty(), 64 * MEBIBYTE, 0);

    size.requireRoomForWindow(8192);
    assertThatExceptionOfType(ExitException.class)
        .isThrownBy(() -> size.requireRoomForWindow(16384))
        .withMessage(
            "READER_WINDOW_FRAMES=16384: AERON_DIR=/shared/aeron: its file system has 64 MiB, but such a window and one instance of each stage need 82 MiB; enlarge it, or give a smaller window")
        .satisfies(e -> assertThat(e.exitCode()).isEqualTo(ExitCode.USAGE));
  }

  @Test
  void shouldRefuseToStartWhatIsLargerThanWhatIsLeft() {
    SharedMemorySize size = sizeWithFree(52 * MEBIBYTE);
    InstanceCounts instances = instances(2, 4, 3);

    assertThatExceptionOfType(ExitException.class)
        .isThrownBy(() -> size.requireFreeFor(instances, Frames.DEFAULT_WINDOW_FRAMES))
        .withMessage(
            "AERON_DIR=%s: its file system has 52 MiB left, but reader=2 reciprocal=4 norm=3 need 53 MiB more; free some of it, enlarge it, or run fewer instances",
            directory)
        .satisfies(e -> assertThat(e.exitCode()).isEqualTo(ExitCode.USAGE));
    size.requireFreeFor(instances, Frames.DEFAULT_WINDOW_FRAMES / 2);
    sizeWithFree(53 * MEBIBYTE).requireFreeFor(instances, Frames.DEFAULT_WINDOW_FRAMES);
  }

  @Test
  void shouldRefuseToStartOrGrowBeyondItsLimitHoweverMuchIsLeft() {
    SharedMemorySize size =
        new SharedMemorySize(
            directory, CHANNELS, OptionalLong.of(52 * MEBIBYTE), 1024 * MEBIBYTE, 1024 * MEBIBYTE);
    InstanceCounts many = instances(2, 4, 3);
    String refusal =
        "PIPELINE_SHARED_MEMORY allows 52 MiB, but reader=2 reciprocal=4 norm=3 need 53 MiB; enlarge it, run fewer instances, or lower READER_WINDOW_FRAMES";

    assertThatExceptionOfType(ExitException.class)
        .isThrownBy(() -> size.requireFreeFor(many, Frames.DEFAULT_WINDOW_FRAMES))
        .withMessage(refusal)
        .satisfies(e -> assertThat(e.exitCode()).isEqualTo(ExitCode.USAGE));
    assertThatExceptionOfType(ExitException.class)
        .isThrownBy(
            () -> size.requireFreeFor(many, instances(2, 4, 2), Frames.DEFAULT_WINDOW_FRAMES))
        .withMessage(refusal);
    size.requireFreeFor(instances(2, 4, 2), Frames.DEFAULT_WINDOW_FRAMES);
  }

  @Test
  void shouldRefuseToGrowByMoreThanWhatIsLeft() {
    InstanceCounts few = instances(1, 1, 1);
    InstanceCounts many = instances(1, 4, 4);
    int windowFrames = Frames.DEFAULT_WINDOW_FRAMES;

    sizeWithFree(35 * MEBIBYTE).requireFreeFor(many, few, windowFrames);
    sizeWithFree(0).requireFreeFor(few, many, windowFrames);
    assertThatExceptionOfType(ExitException.class)
        .isThrownBy(() -> sizeWithFree(34 * MEBIBYTE).requireFreeFor(many, few, windowFrames))
        .withMessageContaining("has 34 MiB left, but reader=1 reciprocal=4 norm=4 need 35 MiB");
  }

  /** What the one before has left goes when the next one starts. */
  @Test
  void shouldRefuseADriverForWhichTooLittleIsLeftButCountWhatTheOneBeforeHasLeft()
      throws Exception {
    SharedMemorySize size = sizeWithFree(9 * MEBIBYTE);

    assertThatExceptionOfType(ExitException.class)
        .isThrownBy(size::requireRoomForDriver)
        .withMessageContaining("has 9 MiB left, but a media driver needs 12 MiB")
        .satisfies(e -> assertThat(e.exitCode()).isEqualTo(ExitCode.USAGE));
    Path publications = Files.createDirectory(directory.resolve("publications"));
    Files.write(publications.resolve("1.logbuffer"), new byte[(int) (3 * MEBIBYTE)]);
    size.requireRoomForDriver();
    // A file system without a limit.
    sizeWithFree(Long.MAX_VALUE).requireRoomForDriver();
  }

  @ParameterizedTest
  @CsvSource({"64, 1024", "255, 1024", "256, 4096", "8000, 4096"})
  void shouldGiveReadersLargeWindowsWhereMemoryIsAmple(long mebibytes, int windowFrames) {
    SharedMemorySize size =
        new SharedMemorySize(
            directory, CHANNELS, OptionalLong.empty(), mebibytes * MEBIBYTE, MEBIBYTE);

    assertThat(size.defaultWindowFrames()).isEqualTo(windowFrames);
  }

  private SharedMemorySize sizeWithFree(long free) {
    return new SharedMemorySize(directory, CHANNELS, OptionalLong.empty(), 1024 * MEBIBYTE, free);
  }

  @Test
  void shouldAskTheFileSystemThatTheDirectoryWillBeIn() {
    new SharedMemorySize(directory.resolve("not/yet/there"), CHANNELS, OptionalLong.empty())
        .requireRoomForOneOfEach();
  }

  @Test
  void shouldCountTheInstancesThatAreThereAndTheOneThatJoins() {
    SharedMemorySize size =
        new SharedMemorySize(directory, CHANNELS, OptionalLong.empty(), 21 * MEBIBYTE, 0);
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

  private static InstanceCounts instances(int readers, int reciprocals, int norms) {
    return InstanceCounts.of(
        Map.of(Stage.READER, readers, Stage.RECIPROCAL, reciprocals, Stage.NORM, norms));
  }
}
