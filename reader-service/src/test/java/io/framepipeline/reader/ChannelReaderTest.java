package io.framepipeline.reader;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.framepipeline.common.config.ExitException;
import io.framepipeline.common.linux.PipelineCpu;
import io.framepipeline.common.linux.Syscall;
import io.framepipeline.common.metrics.Figure;
import io.framepipeline.common.metrics.StageStats;
import io.framepipeline.common.transport.FrameSlots;
import io.framepipeline.common.transport.TestTerminal;
import io.framepipeline.common.wire.Frames;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.RandomAccessFile;
import java.io.UncheckedIOException;
import java.nio.channels.ReadableByteChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.OptionalLong;
import java.util.Random;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.agrona.concurrent.SleepingMillisIdleStrategy;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(120)
class ChannelReaderTest {
  private static final int FRAME = Frames.BYTE_PAYLOAD_LENGTH;
  private static final int WINDOW = 16;
  private static final Duration WATCHDOG = Duration.ofSeconds(60);
  private static final String THREAD_NAME = "source";

  @TempDir private Path directory;

  private final StageStats stats = StageStats.inMemory();
  private final FrameSlots slots = FrameSlots.inMemory(WINDOW, Frames.BYTE_PAYLOAD_LENGTH);
  private ReaderMemory memory = ReaderMemory.ofProcess();
  private RetainedFrames frames =
      new RetainedFrames(memory, slots, 5, (sequence, buffer, offset, length) -> {}, null);
  private final AtomicInteger announcements = new AtomicInteger();
  private ChannelReader reader;

  @AfterEach
  void leaveNoThreadBehind() {
    reader.close();
    await().atMost(WATCHDOG).until(() -> sourceThread() == null);
  }

  @ParameterizedTest
  @ValueSource(ints = {1, WINDOW - 1, WINDOW, WINDOW + 1, 5 * WINDOW + 3})
  void shouldReadARegularFileToItsEnd(int count) throws IOException {
    byte[] input = input(count * FRAME);

    start(file(input), PartialFrame.REFUSE);

    assertThat(readToEnd()).isEqualTo(input);
    assertThat(frames.acknowledged()).isEqualTo(count);
    assertThat(reader.failure()).isNull();
    assertThat(reader.isFinished()).isTrue();
    assertThat(stats.counter(Figure.FRAMES_PADDED).get()).isZero();
  }

  @Test
  void shouldReadAFifoUntilItsWriterCloses() throws Exception {
    byte[] input = input(50 * FRAME);
    Path fifo = fifo();
    start(fifo, PartialFrame.REFUSE);

    Thread writer = write(fifo, input, input.length);

    assertThat(readToEnd()).isEqualTo(input);
    assertThat(reader.failure()).isNull();
    assertThat(writer.join(WATCHDOG)).isTrue();
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 7, 700})
  void shouldPutFramesTogetherFromWhatASlowWriterSends(int chunk) throws Exception {
    byte[] input = input(2 * FRAME);
    Path fifo = fifo();
    start(fifo, PartialFrame.REFUSE);

    Thread writer = write(fifo, input, chunk);

    assertThat(readToEnd()).isEqualTo(input);
    assertThat(reader.failure()).isNull();
    assertThat(writer.join(WATCHDOG)).isTrue();
  }

  @ParameterizedTest
  @EnumSource
  void shouldEndWithoutAFrameIfTheInputIsEmpty(PartialFrame partialFrame) throws Exception {
    start(file(new byte[0]), partialFrame);

    assertThat(readToEnd()).isEmpty();
    assertThat(reader.failure()).isNull();
    assertThat(stats.counter(Figure.FRAMES_PADDED).get()).isZero();
  }

  @Test
  void shouldKeepTheWholeFramesOfAnInputThatEndsInsideOne() throws Exception {
    byte[] input = input(20 * FRAME + 5);
    Path fifo = fifo();
    start(fifo, PartialFrame.REFUSE);
    Thread writer = write(fifo, input, input.length);

    assertThat(readToEnd()).isEqualTo(Arrays.copyOf(input, 20 * FRAME));

    ExitException failure = reader.failure();
    assertThat(failure)
        .isNotNull()
        .hasMessageStartingWith(
            "source %s: its end after %s bytes is no multiple of 4096, 5 bytes are left over; "
                .formatted(fifo, input.length));
    assertThat(failure.exitCode()).isEqualTo(65);
    assertThat(stats.counter(Figure.FRAMES_PADDED).get()).isZero();
    assertThat(writer.join(WATCHDOG)).isTrue();
  }

  /** More than a window, so that the last slot holds an older frame's bytes. */
  @ParameterizedTest
  @ValueSource(ints = {1, 5, FRAME - 1})
  void shouldFillTheLastFrameWithZeroBytesIfItIsToBePadded(int remainder) throws Exception {
    byte[] input = input(20 * FRAME + remainder);

    start(file(input), PartialFrame.PAD);

    assertThat(readToEnd()).isEqualTo(Arrays.copyOf(input, 21 * FRAME));
    assertThat(stats.counter(Figure.FRAMES_PADDED).get()).isEqualTo(1);
    assertThat(reader.failure()).isNull();
  }

  @Test
  void shouldStopAfterTheGivenNumberOfFrames() throws Exception {
    byte[] input = input(40 * FRAME);

    start(file(input), PartialFrame.REFUSE, OptionalLong.of(33), OptionalLong.empty());

    assertThat(readToEnd()).isEqualTo(Arrays.copyOf(input, 33 * FRAME));
    assertThat(reader.failure()).isNull();
    assertThat(reader.isFinished()).isTrue();
  }

  @Test
  void shouldReadAFileAgainAndAgainUntilTheFrameLimit() throws Exception {
    byte[] input = input(20 * FRAME);

    start(file(input), true, PartialFrame.REFUSE, OptionalLong.of(50), OptionalLong.empty());

    byte[] expected = new byte[50 * FRAME];
    for (int at = 0; at < expected.length; at += input.length) {
      System.arraycopy(input, 0, expected, at, Math.min(input.length, expected.length - at));
    }
    assertThat(readToEnd()).isEqualTo(expected);
    assertThat(reader.failure()).isNull();
    assertThat(reader.isFinished()).isTrue();
  }

  @Test
  void shouldPadTheLastFrameEachTimeAFileIsRead() throws Exception {
    byte[] input = input(FRAME + 5);

    start(file(input), true, PartialFrame.PAD, OptionalLong.of(6), OptionalLong.empty());

    byte[] padded = Arrays.copyOf(input, 2 * FRAME);
    assertThat(readToEnd()).startsWith(padded).endsWith(padded).hasSize(6 * FRAME);
    assertThat(stats.counter(Figure.FRAMES_PADDED).get()).isEqualTo(3);
  }

  @Test
  void shouldEndWithoutAFrameIfAnEmptyInputIsToBeRepeated() throws Exception {
    start(file(new byte[0]), true, PartialFrame.REFUSE, OptionalLong.empty(), OptionalLong.empty());

    assertThat(readToEnd()).isEmpty();
    assertThat(reader.failure()).isNull();
    assertThat(reader.isFinished()).isTrue();
  }

  /** However often its end has been met. */
  @Test
  void shouldNotFinishAFileThatIsReadAgainAndAgain() throws Exception {
    start(
        file(input(FRAME)), true, PartialFrame.REFUSE, OptionalLong.empty(), OptionalLong.empty());
    awaitRead(WINDOW);

    reader.stop();

    await().atMost(WATCHDOG).until(reader::hasEnded);
    assertThat(reader.isFinished()).isFalse();
  }

  @Test
  void shouldTakeNoMoreThanTheGivenNumberFromAnEndlessSource() {
    start(Path.of("/dev/zero"), PartialFrame.REFUSE, OptionalLong.of(33), OptionalLong.empty());

    assertThat(readToEnd()).isEqualTo(new byte[33 * FRAME]);
  }

  @Test
  void shouldReadNoFasterThanTheGivenRate() {
    long startNanos = System.nanoTime();
    start(Path.of("/dev/zero"), PartialFrame.REFUSE, OptionalLong.of(21), OptionalLong.of(200));

    assertThat(readToEnd()).hasSize(21 * FRAME);
    // The first frame is due at once, the others 5 ms apart.
    assertThat(System.nanoTime() - startNanos)
        .isGreaterThanOrEqualTo(Duration.ofMillis(100).toNanos());
  }

  @Test
  void shouldWaitWhileTheRingIsFull() throws Exception {
    byte[] input = input(60 * FRAME);
    start(file(input), PartialFrame.REFUSE);
    awaitRead(WINDOW);

    ByteArrayOutputStream received = new ByteArrayOutputStream();
    while (received.size() < input.length) {
      frames.takeOver();
      assertThat(frames.inFlight()).isLessThanOrEqualTo(WINDOW);
      long next = frames.nextToSend();
      if (next >= 0) {
        take(next, received);
        // One slot at a time, so that the ring is full nearly always.
        assertThat(frames.answered(next, 1)).isTrue();
      }
    }

    assertThat(received.toByteArray()).isEqualTo(input);
    assertThat(readToEnd()).isEmpty();
  }

  @Test
  void shouldAnnounceFilledReadsTogether() throws Exception {
    int window = 1024;
    int count = window / 8;
    RetainedFrames larger =
        new RetainedFrames(
            memory,
            FrameSlots.inMemory(window, FRAME),
            5,
            (sequence, buffer, offset, length) -> {},
            null);

    Path source = file(input(count * FRAME));
    start(larger, source, false, PartialFrame.REFUSE, OptionalLong.empty(), OptionalLong.empty());

    await().atMost(WATCHDOG).until(reader::hasEnded);
    assertThat(larger.takeOver()).isEqualTo(count);
    assertThat(announcements).hasValue(2);
  }

  @Test
  void shouldAnnounceAFilledReadBeforeItWaitsForRoom() throws Exception {
    start(Path.of("/dev/zero"), PartialFrame.REFUSE);

    await().atMost(WATCHDOG).until(() -> announcements.get() == 1);
    assertThat(frames.takeOver()).isEqualTo(WINDOW);
  }

  @Test
  void shouldAnnounceAtOnceWhatDoesNotFillARead() throws Exception {
    Path fifo = fifo();
    try (RandomAccessFile silent = new RandomAccessFile(fifo.toFile(), "rw")) {
      silent.write(input(3 * FRAME));
      start(fifo, PartialFrame.REFUSE);

      await().atMost(WATCHDOG).until(() -> announcements.get() > 0);
      awaitRead(3);
    }
  }

  @Test
  void shouldStopWhileTheRingIsFull() {
    start(Path.of("/dev/zero"), PartialFrame.REFUSE);
    awaitRead(WINDOW);

    reader.stop();

    await().atMost(WATCHDOG).until(reader::hasEnded);
    assertThat(reader.failure()).isNull();
    assertThat(reader.isFinished()).isFalse();
    assertThat(readToEnd()).hasSize(WINDOW * FRAME);
  }

  /** An open that waits could not be woken. */
  @Test
  void shouldStopWhileNobodyHasOpenedTheOtherEndOfAFifo() throws Exception {
    Path fifo = fifo();
    start(fifo, PartialFrame.REFUSE);
    awaitSourceThreadInASystemCall();

    reader.stop();

    await().atMost(WATCHDOG).until(() -> sourceThread() == null);
    assertThat(reader.hasEnded()).isTrue();
    assertThat(reader.isFinished()).isFalse();
    assertThat(reader.failure()).isNull();
    assertThat(frames.takeOver()).isZero();
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 5, FRAME, FRAME + 5})
  void shouldStopWhileAReadWaitsForASilentSource(int bytes) throws Exception {
    Path fifo = fifo();
    // Open for both, it is a writer that never closes.
    try (RandomAccessFile silent = new RandomAccessFile(fifo.toFile(), "rw")) {
      silent.write(input(bytes));
      start(fifo, PartialFrame.PAD);
      awaitRead(bytes / FRAME);
      awaitSourceThreadInASystemCall();
      assertThat(reader.hasEnded()).isFalse();

      reader.stop();

      await().atMost(WATCHDOG).until(reader::hasEnded);
    }
    // What was stopped inside a frame is no input that ended there.
    assertThat(reader.failure()).isNull();
    assertThat(reader.isFinished()).isFalse();
    assertThat(stats.counter(Figure.FRAMES_PADDED).get()).isZero();
    assertThat(readToEnd()).hasSize(bytes / FRAME * FRAME);
  }

  @Test
  void shouldReadATerminalUntilControlD() {
    try (TestTerminal terminal = new TestTerminal()) {
      start(terminal.path(), PartialFrame.REFUSE);
      String frame = ("x".repeat(63) + "\n").repeat(FRAME / 64);
      terminal.type(frame);
      terminal.type(frame);
      awaitRead(2);
      terminal.typeControlD();

      assertThat(readToEnd()).asString(StandardCharsets.US_ASCII).isEqualTo(frame.repeat(2));
      assertThat(reader.failure()).isNull();
    }
  }

  /** A frame of bytes that two readers share would be no frame of either. */
  @Test
  void shouldLeaveAFifoToTheReaderThatHasIt() throws Exception {
    Path fifo = fifo();
    try (ReadableByteChannel first = new Source(fifo.toString()).open(false)) {
      assertThat(first.isOpen()).isTrue();
      start(fifo, PartialFrame.REFUSE);

      assertThat(readToEnd()).isEmpty();
      ExitException failure = reader.failure();
      assertThat(failure)
          .isNotNull()
          .hasMessageStartingWith("source " + fifo + ": another process reads it already");
      assertThat(failure.exitCode()).isEqualTo(64);
    }
    new Source(fifo.toString()).open(false).close();
  }

  @Test
  void shouldSayThatTheSourceWentAwayBeforeItWasOpened() {
    Path missing = directory.resolve("missing");

    start(missing, PartialFrame.REFUSE);

    assertThat(readToEnd()).isEmpty();
    ExitException failure = reader.failure();
    assertThat(failure).isNotNull().hasMessageStartingWith("source " + missing + ": ");
    assertThat(failure.exitCode()).isEqualTo(66);
  }

  private void start(Path source, PartialFrame partialFrame) {
    start(source, partialFrame, OptionalLong.empty(), OptionalLong.empty());
  }

  private void start(
      Path source, PartialFrame partialFrame, OptionalLong limit, OptionalLong framesPerSecond) {
    start(source, false, partialFrame, limit, framesPerSecond);
  }

  private void start(
      Path source,
      boolean repeat,
      PartialFrame partialFrame,
      OptionalLong limit,
      OptionalLong framesPerSecond) {
    start(frames, source, repeat, partialFrame, limit, framesPerSecond);
  }

  private void start(
      RetainedFrames retained,
      Path source,
      boolean repeat,
      PartialFrame partialFrame,
      OptionalLong limit,
      OptionalLong framesPerSecond) {
    ReaderSettings settings =
        new ReaderSettings(
            new Source(source.toString()),
            repeat,
            limit,
            framesPerSecond,
            WINDOW,
            partialFrame,
            5,
            null,
            null,
            null);
    reader =
        new ChannelReader(
            settings,
            retained,
            memory.input,
            new SleepingMillisIdleStrategy(1),
            PipelineCpu.any(),
            stats.counter(Figure.FRAMES_PADDED));
    reader.onPublished(announcements::incrementAndGet);
    reader.start();
  }

  private void awaitRead(int count) {
    await()
        .atMost(WATCHDOG)
        .until(
            () -> {
              frames.takeOver();
              return frames.read() == count;
            });
  }

  /** Takes and acknowledges every frame until reading has ended; returns their bytes. */
  private byte[] readToEnd() {
    ByteArrayOutputStream received = new ByteArrayOutputStream();
    await()
        .atMost(WATCHDOG)
        .pollInterval(Duration.ofMillis(1))
        .until(
            () -> {
              // Asked first: what is published before the end is then taken over.
              boolean hasEnded = reader.hasEnded();
              frames.takeOver();
              for (long next = frames.nextToSend(); next >= 0; next = frames.nextToSend()) {
                take(next, received);
                frames.answered(next, 1);
              }
              return hasEnded;
            });
    assertThat(frames.inFlight()).isZero();
    return received.toByteArray();
  }

  private void take(long sequence, ByteArrayOutputStream received) {
    byte[] payload = new byte[FRAME];
    slots.buffer().getBytes(slots.offset(frames.payloadNumber(sequence)), payload);
    received.writeBytes(payload);
    frames.sent(sequence, 1, System.nanoTime());
  }

  private static byte[] input(int bytes) {
    byte[] input = new byte[bytes];
    new Random(bytes).nextBytes(input);
    return input;
  }

  private Path file(byte[] content) throws IOException {
    return Files.write(directory.resolve("file"), content);
  }

  private Path fifo() throws IOException, InterruptedException {
    Path fifo = directory.resolve("fifo");
    assertThat(new ProcessBuilder("mkfifo", fifo.toString()).inheritIO().start().waitFor())
        .isZero();
    return fifo;
  }

  private static Thread write(Path fifo, byte[] content, int chunk) {
    return Thread.ofPlatform()
        .daemon()
        .start(
            () -> {
              try (OutputStream out = Files.newOutputStream(fifo)) {
                for (int at = 0; at < content.length; at += chunk) {
                  out.write(content, at, Math.min(chunk, content.length - at));
                }
              } catch (IOException e) {
                throw new UncheckedIOException(e);
              }
            });
  }

  private static void awaitSourceThreadInASystemCall() {
    await()
        .atMost(WATCHDOG)
        .until(
            () -> {
              Thread thread = sourceThread();
              return thread != null
                  && Stream.of(thread.getStackTrace())
                      .anyMatch(frame -> frame.getClassName().equals(Syscall.class.getName()));
            });
  }

  private static Thread sourceThread() {
    return Thread.getAllStackTraces().keySet().stream()
        .filter(thread -> thread.getName().equals(THREAD_NAME) && thread.isAlive())
        .findFirst()
        .orElse(null);
  }
}
