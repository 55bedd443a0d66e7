package io.framepipeline.common.transport;

import static io.framepipeline.common.topology.TestTopology.instances;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.within;

import io.framepipeline.common.config.ExitCode;
import io.framepipeline.common.config.ExitException;
import io.framepipeline.common.topology.InstanceCounts;
import io.framepipeline.common.topology.Stage;
import io.framepipeline.common.topology.TestTopology;
import io.framepipeline.common.wire.Frames;
import java.nio.file.Files;
import java.nio.file.Path;
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

  /** What docs/operations.md says of the three stages, and rounds up. */
  @ParameterizedTest
  @CsvSource({"1, 1, 1, 20.2", "1, 3, 2, 31.8", "2, 4, 3, 52.3", "4, 8, 4, 114.1"})
  void shouldNeedALogPerSenderAndInbox(int readers, int middles, int norms, double mebibytes) {
    double expected = mebibytes;
    for (Stage further : TestTopology.FURTHER) {
      // Each of its instances has a log and 128 payloads for each of the next stage.
      expected += middles * middles * (0.2 + 128.0 * further.outputLength() / MEBIBYTE);
    }

    long needed = needed(instances(readers, middles, norms));
    assertThat((double) needed / MEBIBYTE).isCloseTo(expected, within(0.5));
  }

  @Test
  void shouldRefuseWhatIsTooSmallForOneOfEach() {
    Path aeronDirectory = Path.of("/shared/aeron");
    long needed = roundUp(needed(InstanceCounts.ONE_OF_EACH));
    SharedMemorySize tooSmall =
        new SharedMemorySize(
            aeronDirectory, CHANNELS, OptionalLong.empty(), (needed - 1) * MEBIBYTE, 0);

    assertThatExceptionOfType(ExitException.class)
        .isThrownBy(tooSmall::requireRoomForOneOfEach)
        .withMessage(
            "AERON_DIR=/shared/aeron: its file system has %s MiB, but %s need %s MiB; enlarge it, or run fewer instances",
            needed - 1, InstanceCounts.ONE_OF_EACH, needed)
        .satisfies(e -> assertThat(e.exitCode()).isEqualTo(ExitCode.USAGE));
    new SharedMemorySize(aeronDirectory, CHANNELS, OptionalLong.empty(), needed * MEBIBYTE, 0)
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
            "PIPELINE_SHARED_MEMORY allows 20 MiB, but %s need %s MiB; enlarge it, or run fewer instances",
            InstanceCounts.ONE_OF_EACH, roundUp(needed(InstanceCounts.ONE_OF_EACH)))
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
    long enough = roundUp(needed(InstanceCounts.ONE_OF_EACH, 8192));
    SharedMemorySize size =
        new SharedMemorySize(aeronDirectory, CHANNELS, OptionalLong.empty(), enough * MEBIBYTE, 0);

    size.requireRoomForWindow(8192);
    assertThatExceptionOfType(ExitException.class)
        .isThrownBy(() -> size.requireRoomForWindow(16384))
        .withMessage(
            "READER_WINDOW_FRAMES=16384: AERON_DIR=/shared/aeron: its file system has %s MiB, but such a window and one instance of each stage need %s MiB; enlarge it, or give a smaller window",
            enough, roundUp(needed(InstanceCounts.ONE_OF_EACH, 16384)))
        .satisfies(e -> assertThat(e.exitCode()).isEqualTo(ExitCode.USAGE));
  }

  @Test
  void shouldRefuseToStartWhatIsLargerThanWhatIsLeft() {
    InstanceCounts instances = instances(2, 4, 3);
    long needed = roundUp(needed(instances));
    SharedMemorySize size = sizeWithFree((needed - 1) * MEBIBYTE);

    assertThatExceptionOfType(ExitException.class)
        .isThrownBy(() -> size.requireFreeFor(instances, Frames.DEFAULT_WINDOW_FRAMES))
        .withMessage(
            "AERON_DIR=%s: its file system has %s MiB left, but %s need %s MiB more; free some of it, enlarge it, or run fewer instances",
            directory, needed - 1, instances, needed)
        .satisfies(e -> assertThat(e.exitCode()).isEqualTo(ExitCode.USAGE));
    size.requireFreeFor(instances, Frames.DEFAULT_WINDOW_FRAMES / 2);
    sizeWithFree(needed * MEBIBYTE).requireFreeFor(instances, Frames.DEFAULT_WINDOW_FRAMES);
  }

  @Test
  void shouldRefuseToStartOrGrowBeyondItsLimitHoweverMuchIsLeft() {
    InstanceCounts many = instances(2, 4, 3);
    long needed = roundUp(needed(many));
    SharedMemorySize size =
        new SharedMemorySize(
            directory,
            CHANNELS,
            OptionalLong.of((needed - 1) * MEBIBYTE),
            1024 * MEBIBYTE,
            1024 * MEBIBYTE);
    String refusal =
        "PIPELINE_SHARED_MEMORY allows %s MiB, but %s need %s MiB; enlarge it, run fewer instances, or lower READER_WINDOW_FRAMES"
            .formatted(needed - 1, many, needed);

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
    long added = roundUp(needed(many) - needed(few));

    sizeWithFree(added * MEBIBYTE).requireFreeFor(many, few, windowFrames);
    sizeWithFree(0).requireFreeFor(few, many, windowFrames);
    assertThatExceptionOfType(ExitException.class)
        .isThrownBy(
            () -> sizeWithFree((added - 1) * MEBIBYTE).requireFreeFor(many, few, windowFrames))
        .withMessageContaining("has %s MiB left, but %s need %s MiB", added - 1, many, added);
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
        new SharedMemorySize(
            directory,
            CHANNELS,
            OptionalLong.empty(),
            roundUp(needed(InstanceCounts.ONE_OF_EACH)) * MEBIBYTE,
            0);
    try (SteppedDriver driver = new SteppedDriver()) {
      SteppedDriver.Peer peer = driver.startPeer();
      assertThat(size.shortageFor(Stage.READER, peer.connection())).isEmpty();
      for (int i = 0; i < 2; i++) {
        peer.own(
            RecordingInbox.open(peer.connection(), CHANNELS.frames(), Stage.RECIPROCAL, 100 + i));
      }

      assertThat(size.shortageFor(Stage.READER, peer.connection()))
          .hasValueSatisfying(
              line ->
                  assertThat(line).containsSubsequence("reader=1 ", "reciprocal=2 ", "norm=1 "));
      assertThat(size.shortageFor(Stage.RECIPROCAL, peer.connection()))
          .hasValueSatisfying(
              line ->
                  assertThat(line).containsSubsequence("reader=1 ", "reciprocal=3 ", "norm=1 "));
    }
  }

  private static long needed(InstanceCounts instances) {
    return needed(instances, Frames.DEFAULT_WINDOW_FRAMES);
  }

  private static long needed(InstanceCounts instances, int windowFrames) {
    return SharedMemorySize.needed(CHANNELS, instances, windowFrames);
  }

  /** In MiB, as messages have it. */
  private static long roundUp(long bytes) {
    return Math.ceilDiv(bytes, MEBIBYTE);
  }
}
