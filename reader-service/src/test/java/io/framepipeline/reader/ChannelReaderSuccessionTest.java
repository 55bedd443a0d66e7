package io.framepipeline.reader;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.framepipeline.common.linux.PipelineCpu;
import io.framepipeline.common.transport.FrameSlots;
import io.framepipeline.common.wire.Frames;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.OptionalLong;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.agrona.concurrent.SleepingMillisIdleStrategy;
import org.agrona.concurrent.UnsafeBuffer;
import org.agrona.concurrent.status.AtomicCounter;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A reader that reads on where a dead one stopped. */
@Timeout(value = 2, unit = TimeUnit.MINUTES)
class ChannelReaderSuccessionTest {
  private static final int FRAME = Frames.BYTE_PAYLOAD_LENGTH;
  private static final int WINDOW = 16;
  private static final Duration WATCHDOG = Duration.ofSeconds(60);

  @TempDir private Path directory;

  private final ReaderMemory memory = ReaderMemory.ofProcess();
  private final FrameSlots slots = FrameSlots.inMemory(WINDOW, FRAME);
  private final ByteArrayOutputStream received = new ByteArrayOutputStream();
  private RetainedFrames frames;
  private ChannelReader reader;

  @AfterEach
  void stopReader() {
    reader.close();
    await().atMost(WATCHDOG).until(reader::hasEnded);
  }

  @Test
  void shouldReadARegularFileOnAtTheRightByte() throws Exception {
    byte[] input = input(5 * WINDOW * FRAME);
    Path file = Files.write(directory.resolve("file"), input);

    start(file, false, PartialFrame.REFUSE, OptionalLong.empty());
    while (!reader.isFinished()) {
      int read = Math.toIntExact(memory.input.position() / FRAME);
      await().atMost(WATCHDOG).until(() -> reader.isFinished() || isFullOrMoved(read));
      succeed(file, false, PartialFrame.REFUSE, OptionalLong.empty());
      take(WINDOW / 2);
    }
    takeAll();

    assertThat(received.toByteArray()).isEqualTo(input);
    assertThat(frames.acknowledged()).isEqualTo(5 * WINDOW);
  }

  private boolean isFullOrMoved(int read) {
    frames.takeOver();
    return frames.isFull() || memory.input.position() / FRAME > read;
  }

  @Test
  void shouldRepeatAndPadAndLimitAcrossDeaths() throws Exception {
    byte[] input = input(3 * FRAME + 5);
    Path file = Files.write(directory.resolve("file"), input);
    OptionalLong limit = OptionalLong.of(50);

    start(file, true, PartialFrame.PAD, limit);
    for (int i = 0; i < 12; i++) {
      succeed(file, true, PartialFrame.PAD, limit);
      take(WINDOW / 4);
    }
    takeAll();

    byte[] padded = Arrays.copyOf(input, 4 * FRAME);
    byte[] all = received.toByteArray();
    assertThat(all).hasSize(50 * FRAME);
    for (int frame = 0; frame < 50; frame++) {
      assertThat(
              Arrays.mismatch(
                  all,
                  frame * FRAME,
                  (frame + 1) * FRAME,
                  padded,
                  frame % 4 * FRAME,
                  (frame % 4 + 1) * FRAME))
          .isEqualTo(-1);
    }
  }

  @Test
  void shouldGoOnInsideAPassInWhichItWasStopped() throws Exception {
    readHalfAFile(true);

    kill();

    assertThat(memory.input.passStart()).isZero();
    assertThat(memory.input.filePosition()).isEqualTo(WINDOW * FRAME);
  }

  @Test
  void shouldGoOnInsideAFrameOfAFifo() throws Exception {
    byte[] input = input(4 * FRAME);
    Path fifo = fifo();
    // Open for both, it is a writer that waits for no reader.
    try (RandomAccessFile writer = new RandomAccessFile(fifo.toFile(), "rw")) {
      start(fifo, false, PartialFrame.REFUSE, OptionalLong.empty());
      writer.write(input, 0, FRAME + 100);
      awaitPosition(FRAME + 100);
      succeed(fifo, false, PartialFrame.REFUSE, OptionalLong.empty());
      writer.write(input, FRAME + 100, input.length - FRAME - 100);
      awaitPosition(input.length);
    }
    takeAll();

    assertThat(received.toByteArray()).isEqualTo(input);
    assertThat(reader.failure()).isNull();
  }

  @Test
  void shouldFindTheEndOfAFifoWhoseWriterLeftBetweenTheReaders() throws Exception {
    byte[] input = input(4 * FRAME);
    Path fifo = fifo();
    try (Source.Hold hold = new Source(fifo.toString()).hold()) {
      assertThat(hold).isNotNull();
      start(fifo, false, PartialFrame.REFUSE, OptionalLong.empty());
      try (OutputStream writer = Files.newOutputStream(fifo)) {
        writer.write(input, 0, FRAME);
        awaitPosition(FRAME);
        kill();
        writer.write(input, FRAME, 3 * FRAME);
      }
      goOn();
      start(fifo, false, PartialFrame.REFUSE, OptionalLong.empty());
      takeAll();
    }

    assertThat(received.toByteArray()).isEqualTo(input);
    assertThat(reader.failure()).isNull();
    assertThat(reader.isFinished()).isTrue();
  }

  @Test
  void shouldNotReadAFinishedInputAgain() throws Exception {
    Path file = Files.write(directory.resolve("file"), input(2 * FRAME));
    start(file, false, PartialFrame.REFUSE, OptionalLong.empty());
    await().atMost(WATCHDOG).until(reader::hasEnded);
    kill();
    Files.delete(file);

    goOn();
    start(file, false, PartialFrame.REFUSE, OptionalLong.empty());
    takeAll();
    assertThat(reader.failure()).isNull();
    assertThat(reader.isFinished()).isTrue();
    assertThat(received.size()).isEqualTo(2 * FRAME);
  }

  @Test
  void shouldDeliverWhatItInheritedAndRefuseAnotherFile() throws Exception {
    Path file = readHalfAFile(false);
    kill();
    Path other = Files.write(directory.resolve("other"), input(100 * FRAME));
    Files.move(other, file, java.nio.file.StandardCopyOption.REPLACE_EXISTING);

    goOn();
    start(file, false, PartialFrame.REFUSE, OptionalLong.empty());
    takeAll();
    assertThat(received.size()).isEqualTo(WINDOW * FRAME);
    assertRefused("is not the same any more as when a reader that was killed had read 65536 bytes");
  }

  @Test
  void shouldRefuseAFileThatBecameShorter() throws Exception {
    Path file = readHalfAFile(false);
    kill();
    try (RandomAccessFile shorter = new RandomAccessFile(file.toFile(), "rw")) {
      shorter.setLength(FRAME);
    }

    goOn();
    start(file, false, PartialFrame.REFUSE, OptionalLong.empty());
    takeAll();
    assertRefused("is not the same any more");
  }

  @Test
  void shouldFindWholeFramesOfAReadThatWasInterrupted() throws Exception {
    byte[] input = input(5 * FRAME);
    Path fifo = fifo();
    try (RandomAccessFile writer = new RandomAccessFile(fifo.toFile(), "rw")) {
      start(fifo, false, PartialFrame.REFUSE, OptionalLong.empty());
      writer.write(input, 0, FRAME + 100);
      awaitPosition(FRAME + 100);
      kill();
      interruptRead(4 * FRAME - 100, input, FRAME + 100, 2 * FRAME - 100);

      goOn();
      start(fifo, false, PartialFrame.REFUSE, OptionalLong.empty());
      writer.write(input, 3 * FRAME, 2 * FRAME);
      awaitPosition(5 * FRAME);
    }
    takeAll();
    assertThat(received.toByteArray()).isEqualTo(input);
  }

  @Test
  void shouldGoOnAfterAnInterruptedReadThatHadTakenNothing() throws Exception {
    byte[] input = input(2 * FRAME);
    Path fifo = fifo();
    try (RandomAccessFile writer = new RandomAccessFile(fifo.toFile(), "rw")) {
      start(fifo, false, PartialFrame.REFUSE, OptionalLong.empty());
      writer.write(input, 0, 100);
      awaitPosition(100);
      kill();
      interruptRead(4 * FRAME - 100, input, 100, 0);

      goOn();
      start(fifo, false, PartialFrame.REFUSE, OptionalLong.empty());
      writer.write(input, 100, 2 * FRAME - 100);
      awaitPosition(2 * FRAME);
    }
    takeAll();
    assertThat(received.toByteArray()).isEqualTo(input);
  }

  /** Without an instance to send to, the reading thread does not start. */
  @Test
  void shouldLeaveWithWhatAnInterruptedReadHadTakenIfToldBeforeItReads() throws Exception {
    byte[] input = input(3 * FRAME);
    Path fifo = fifo();
    for (int taken : new int[] {0, 2 * FRAME}) {
      try (RandomAccessFile writer = new RandomAccessFile(fifo.toFile(), "rw")) {
        start(fifo, false, PartialFrame.REFUSE, OptionalLong.empty());
        if (taken == 0) {
          writer.write(input, 0, FRAME);
          awaitPosition(FRAME);
        }
        kill();
        interruptRead(4 * FRAME, input, FRAME, taken);

        goOn();
        reader = reader(fifo, false, PartialFrame.REFUSE, OptionalLong.empty());
        reader.stop();
        assertThat(reader.hasEnded()).isTrue();
        assertThat(memory.input.interruptedLength()).isZero();
        takeAll();
      }
    }
    assertThat(received.toByteArray()).isEqualTo(input);
    assertThat(reader.failure()).isNull();
  }

  /** It may have taken more of the frame than is there, or less: a successor cannot tell. */
  @Test
  void shouldEndAfterAReadThatWasInterruptedInsideAFrame() throws Exception {
    byte[] input = input(3 * FRAME);
    Path fifo = fifo();
    try (RandomAccessFile writer = new RandomAccessFile(fifo.toFile(), "rw")) {
      start(fifo, false, PartialFrame.REFUSE, OptionalLong.empty());
      writer.write(input, 0, FRAME);
      awaitPosition(FRAME);
      kill();
      interruptRead(4 * FRAME, input, FRAME, FRAME + 9);

      for (int successor = 0; successor < 2; successor++) {
        goOn();
        start(fifo, false, PartialFrame.REFUSE, OptionalLong.empty());
        await().atMost(WATCHDOG).until(reader::hasEnded);
        assertRefused("its reader was killed inside a read, after byte 4096, which may have taken");
      }
      takeAll();
    }
    assertThat(received.toByteArray()).isEqualTo(Arrays.copyOf(input, FRAME));
  }

  private void assertRefused(String why) {
    assertThat(reader.failure()).isNotNull().hasMessageContaining(why);
    assertThat(reader.failure().exitCode()).isEqualTo(66);
  }

  /** What a read leaves that has taken some bytes when its thread is killed. */
  private void interruptRead(int length, byte[] input, int start, int taken) {
    long position = memory.input.position();
    assertThat(frames.writableBytes(position)).isGreaterThanOrEqualTo(length);
    ByteBuffer to = frames.writable(position, length);
    ReadMarks.put(to, memory.input.mark());
    memory.input.beginConsuming(length);
    to.put(input, start, taken);
  }

  private void succeed(Path source, boolean repeat, PartialFrame partialFrame, OptionalLong limit) {
    kill();
    goOn();
    start(source, repeat, partialFrame, limit);
  }

  /** Starts to read a file of two windows, of which one fits in. */
  private Path readHalfAFile(boolean repeat) throws IOException {
    Path file = Files.write(directory.resolve("file"), input(2 * WINDOW * FRAME));
    start(file, repeat, PartialFrame.REFUSE, OptionalLong.empty());
    awaitPosition(WINDOW * FRAME);
    return file;
  }

  private void kill() {
    reader.stop();
    await().atMost(WATCHDOG).until(reader::hasEnded);
  }

  private void goOn() {
    frames = new RetainedFrames(memory, slots, 5, (sequence, buffer, offset, length) -> {}, null);
  }

  private void start(Path source, boolean repeat, PartialFrame partialFrame, OptionalLong limit) {
    if (frames == null) {
      goOn();
    }
    reader = reader(source, repeat, partialFrame, limit);
    reader.start();
  }

  private ChannelReader reader(
      Path source, boolean repeat, PartialFrame partialFrame, OptionalLong limit) {
    ReaderSettings settings =
        new ReaderSettings(
            new Source(source.toString()),
            repeat,
            limit,
            OptionalLong.empty(),
            WINDOW,
            partialFrame,
            5,
            null,
            null,
            null);
    return new ChannelReader(
        settings,
        frames,
        memory.input,
        new SleepingMillisIdleStrategy(1),
        PipelineCpu.any(),
        new AtomicCounter(new UnsafeBuffer(new byte[128]), 0));
  }

  private void awaitPosition(long bytes) {
    await().atMost(WATCHDOG).until(() -> memory.input.position() == bytes);
  }

  /** Takes this many frames, as they come, and acknowledges them. */
  private void take(int count) {
    int[] taken = {0};
    await()
        .atMost(WATCHDOG)
        .pollInterval(Duration.ofMillis(1))
        .until(() -> takeNext(taken, count) || reader.hasEnded());
  }

  private void takeAll() {
    await()
        .atMost(WATCHDOG)
        .pollInterval(Duration.ofMillis(1))
        .until(
            () -> {
              boolean hasEnded = reader.hasEnded();
              takeNext(new int[1], Integer.MAX_VALUE);
              return hasEnded;
            });
    assertThat(frames.inFlight()).isZero();
  }

  private boolean takeNext(int[] taken, int limit) {
    frames.takeOver();
    while (taken[0] < limit) {
      long next = frames.nextToSend();
      if (next < 0) {
        return false;
      }
      byte[] payload = new byte[FRAME];
      slots.buffer().getBytes(slots.offset(frames.payloadNumber(next)), payload);
      received.writeBytes(payload);
      frames.sent(next, 1, System.nanoTime());
      frames.answered(next, 1);
      frames.closeFrames();
      taken[0]++;
    }
    return true;
  }

  private static byte[] input(int bytes) {
    byte[] input = new byte[bytes];
    new Random(bytes).nextBytes(input);
    return input;
  }

  private Path fifo() throws IOException, InterruptedException {
    Path fifo = directory.resolve("fifo");
    assertThat(new ProcessBuilder("mkfifo", fifo.toString()).inheritIO().start().waitFor())
        .isZero();
    return fifo;
  }
}
