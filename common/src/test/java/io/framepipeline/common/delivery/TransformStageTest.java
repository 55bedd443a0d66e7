package io.framepipeline.common.delivery;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.framepipeline.common.config.ExitCode;
import io.framepipeline.common.config.ExitException;
import io.framepipeline.common.kernel.Kernel;
import io.framepipeline.common.metrics.Figure;
import io.framepipeline.common.metrics.StageStats;
import io.framepipeline.common.topology.Stage;
import io.framepipeline.common.transport.Channels;
import io.framepipeline.common.transport.DescriptorLimit;
import io.framepipeline.common.transport.FrameSlots;
import io.framepipeline.common.transport.RecordingInbox;
import io.framepipeline.common.transport.SteppedDriver;
import io.framepipeline.common.transport.TestSender;
import io.framepipeline.common.wire.Frames;
import io.framepipeline.common.wire.RejectReason;
import io.framepipeline.common.wire.TestMessages;
import io.framepipeline.common.wire.TestMessages.Malformed;
import io.framepipeline.common.wire.sbe.FrameBatchDecoder;
import io.framepipeline.common.wire.sbe.MessageHeaderDecoder;
import java.nio.ByteOrder;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.LongStream;
import org.agrona.BitUtil;
import org.agrona.DirectBuffer;
import org.agrona.MutableDirectBuffer;
import org.agrona.concurrent.UnsafeBuffer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class TransformStageTest {
  private static final Channels CHANNELS = Channels.of(Channels.DEFAULT);

  /** Where the reciprocal sends to: norms, unless a stage of one's own comes between. */
  private static final Stage NEXT = Stage.RECIPROCAL.next();

  private static final int SOURCE_ID = 12345;
  private static final int ANSWER_STREAM_ID = -6;

  /** What a sender gives a receiver that it has not seen reading, give or take one. */
  private static final int ENOUGH_FRAMES = 8;

  private final SteppedDriver driver = new SteppedDriver();
  private final SteppedDriver.Peer reciprocal = driver.startPeer();
  private final SteppedDriver.Peer next = driver.startPeer();
  private final StageStats stats = StageStats.inMemory();
  private final TransformStage session =
      reciprocal.own(
          new TransformStage(
              Stage.RECIPROCAL, new WarmingKernel(), reciprocal.connection(), CHANNELS, stats));
  private boolean isWarm = true;
  private TestSender reader;

  TransformStageTest() {
    reciprocal.run(session::doWork);
  }

  @AfterEach
  void closeDriver() {
    driver.close();
  }

  @Test
  void shouldTurnBytesIntoReciprocalsAndKeepTheFields() {
    RecordingInbox receiver = openReceiver();
    byte[] payload = new byte[Frames.BYTE_PAYLOAD_LENGTH];
    new Random(3).nextBytes(payload);

    reader.send(
        TestMessages.byteFrame(Long.MAX_VALUE - 1, -99, SOURCE_ID, ANSWER_STREAM_ID, payload));
    driver.stepUntil("the float frame", () -> receiver.poll(1) == 1);

    DirectBuffer message = receiver.messages().getFirst();
    FrameBatchDecoder frame = decode(message);
    assertThat(message.capacity()).isEqualTo(Frames.MESSAGE_LENGTH + Frames.FLOAT_PAYLOAD_LENGTH);
    assertThat(frame.sequence()).isEqualTo(Long.MAX_VALUE - 1);
    assertThat(frame.originNanos()).isEqualTo(-99);
    assertThat(frame.sourceId()).isEqualTo(SOURCE_ID);
    assertThat(frame.answerStreamId()).isEqualTo(ANSWER_STREAM_ID);
    for (int i = 0; i < Frames.ELEMENTS; i++) {
      float expected = 1f / (1f + Byte.toUnsignedInt(payload[i]));
      assertThat(floatAt(message, i)).as("element %d", i).isEqualTo(expected);
    }
    assertThat(stats.counter(Figure.FRAMES_TRANSFORMED).get()).isEqualTo(1);
  }

  @Test
  void shouldPlaceEveryPayloadOnACacheLine() {
    RecordingInbox receiver = openReceiver();
    List<Long> misplaced = new ArrayList<>();
    int frames = 100;
    for (int i = 0; i < frames; i++) {
      reader.send(frame(i));
      driver.step();
      receiver
          .inbox()
          .poll(
              (buffer, offset, length, header) -> {
                FrameSlots slots = receiver.inbox().slots(header);
                long number =
                    new FrameBatchDecoder()
                        .wrapAndApplyHeader(buffer, offset, new MessageHeaderDecoder())
                        .payloadNumber();
                long address = slots.buffer().addressOffset() + slots.offset(number);
                if (!BitUtil.isAligned(address, BitUtil.CACHE_LINE_LENGTH)) {
                  misplaced.add(address);
                }
                return 1;
              },
              2,
              driver.nanoTime());
    }
    driver.stepUntil("all frames", () -> stats.counter(Figure.FRAMES_TRANSFORMED).get() == frames);
    assertThat(misplaced).isEmpty();
  }

  /** What a reader writes over is done, by another way. */
  @Test
  void shouldSkipAFrameWhoseBytesAreGone() {
    RecordingInbox receiver = openReceiver();
    reader.send(TestMessages.withoutPayload(frame(0)));
    reader.send(frame(1));
    driver.stepUntil("a frame", () -> receiver.poll(2) >= 0 && receiver.messages().size() == 1);

    assertThat(sequencesOf(receiver)).containsExactly(1L);
    assertThat(stats.rejected(RejectReason.GONE).get()).isEqualTo(1);
    assertThat(stats.counter(Figure.FRAMES_TRANSFORMED).get()).isEqualTo(1);
  }

  @Test
  void shouldHandOnABatchInOneMessage() {
    RecordingInbox receiver = openReceiver();
    reader.sendBatch(frames(7, 16));
    driver.stepUntil("the batch", () -> receiver.poll(1) == 16);

    assertThat(receiver.batchLengths()).containsExactly(16);
    assertThat(sequencesOf(receiver)).containsExactlyElementsOf(range(7, 23));
    for (DirectBuffer message : receiver.messages()) {
      assertThat(floatAt(message, 0)).isEqualTo(1f / (1f + decode(message).sequence()));
    }
    assertThat(stats.counter(Figure.FRAMES_TRANSFORMED).get()).isEqualTo(16);
  }

  /** A reader writes over its frames in order, so what is before one that is gone is done too. */
  @Test
  void shouldHandOnWhatIsLeftOfABatch() {
    RecordingInbox receiver = openReceiver();
    List<DirectBuffer> batch = frames(0, 16);
    batch.set(3, TestMessages.withoutPayload(batch.get(3)));
    batch.set(4, TestMessages.withoutPayload(batch.get(4)));
    reader.sendBatch(batch);
    driver.stepUntil("the rest", () -> receiver.poll(1) == 11);

    assertThat(sequencesOf(receiver)).containsExactlyElementsOf(range(5, 16));
    for (DirectBuffer message : receiver.messages()) {
      assertThat(floatAt(message, 0)).isEqualTo(1f / (1f + decode(message).sequence()));
    }
    assertThat(stats.counter(Figure.FRAMES_TRANSFORMED).get()).isEqualTo(11);
    assertThat(stats.rejected(RejectReason.GONE).get()).as("messages, not frames").isEqualTo(1);
  }

  @Test
  void shouldConsumeNothingWhileEveryReceiverIsFull() {
    RecordingInbox receiver = openReceiver();
    int frames = 2 * ENOUGH_FRAMES;
    for (int i = 0; i < frames; i++) {
      reader.send(frame(i));
    }
    driver.stepFor(Duration.ofSeconds(1));

    long transformed = stats.counter(Figure.FRAMES_TRANSFORMED).get();
    assertThat(transformed).isBetween((long) ENOUGH_FRAMES - 1, ENOUGH_FRAMES + 1L);
    assertThat(stats.counter(Figure.BACKPRESSURE).get()).isPositive();

    driver.stepUntil(
        "all frames", () -> receiver.poll(1) >= 0 && receiver.messages().size() == frames);
    assertThat(sequencesOf(receiver)).containsExactlyElementsOf(range(0, frames));
    assertThat(stats.counter(Figure.FRAMES_TRANSFORMED).get()).isEqualTo(frames);
  }

  @Test
  void shouldOpenItsInboxOnlyWhenThereIsAReceiver() {
    driver.stepFor(Duration.ofSeconds(1));
    assertThat(driver.inboxCount(Stage.RECIPROCAL)).isZero();
    assertThat(stats.counter(Figure.READY).get()).isZero();

    openReceiver();
    assertThat(driver.inboxCount(Stage.RECIPROCAL)).isEqualTo(1);
    assertThat(stats.counter(Figure.READY).get()).isEqualTo(1);
  }

  @Test
  void shouldNotBeReadyBeforeItsKernelIsWarm() {
    isWarm = false;
    next.own(RecordingInbox.open(next.connection(), CHANNELS.frames(), NEXT, 1));
    driver.stepFor(Duration.ofSeconds(1));
    assertThat(stats.counter(Figure.DOWNSTREAM_INSTANCES).get()).isEqualTo(1);
    assertThat(driver.inboxCount(Stage.RECIPROCAL)).isZero();
    assertThat(stats.counter(Figure.READY).get()).isZero();

    isWarm = true;
    driver.stepUntil("ready", () -> stats.counter(Figure.READY).get() == 1);
    assertThat(driver.inboxCount(Stage.RECIPROCAL)).isEqualTo(1);
  }

  @Test
  void shouldLeaveAtOnceIfThereNeverWasAReceiver() {
    session.leave(driver.nanoTime());
    driver.step();
    assertThat(session.isDone()).isTrue();
  }

  /** Taking frames that it can do nothing with would get it the most of all. */
  @Test
  void shouldTakeNothingWhileItCannotMapASendersSlots() {
    RecordingInbox receiver = openReceiver();
    // It knows the reader's log.
    driver.stepFor(Duration.ofMillis(10));
    int frames = 2 * ENOUGH_FRAMES;
    AtomicInteger sentBefore = new AtomicInteger();
    DescriptorLimit.whileReached(() -> sentBefore.set(sendFor(500)));
    int sent = sentBefore.get();
    assertThat(sent).isEqualTo(ENOUGH_FRAMES);
    assertThat(stats.rejected(RejectReason.GONE).get()).isZero();
    assertThat(stats.counter(Figure.FRAMES_TRANSFORMED).get()).isZero();

    while (sent < frames) {
      reader.send(frame(sent++));
      receiver.poll(1);
    }
    driver.stepUntil(
        "all frames", () -> receiver.poll(1) >= 0 && receiver.messages().size() == frames);
    assertThat(sequencesOf(receiver)).containsExactlyElementsOf(range(0, frames));
  }

  @Test
  void shouldEndIfItStillCannotMapASendersSlotsAfterAWhile() {
    openReceiver();
    driver.stepFor(Duration.ofMillis(10));
    assertThat(reader.trySend(frame(0))).isTrue();
    // Loaded before it is needed, for want of descriptors.
    ExitException loaded = new ExitException(ExitCode.INTERNAL, "");
    assertThatThrownBy(
            () -> DescriptorLimit.whileReached(() -> driver.stepFor(Duration.ofSeconds(2))))
        .isInstanceOf(loaded.getClass())
        .hasMessageStartingWith("AERON_DIR=")
        .hasMessageContaining("Too many open files");
    assertThat(stats.rejected(RejectReason.GONE).get()).isZero();
    reciprocal.run(nowNanos -> 0);
  }

  @Test
  void shouldBeSentLittleWhileThereIsNoReceiver() {
    RecordingInbox gone = openReceiver();
    gone.close();
    driver.stepUntil("no receiver", () -> stats.counter(Figure.DOWNSTREAM_INSTANCES).get() == 0);
    assertThat(sendFor(1000)).isEqualTo(ENOUGH_FRAMES);
    assertThat(stats.counter(Figure.FRAMES_TRANSFORMED).get()).isZero();
  }

  /** A reader that is ending as well may have nobody else. */
  @Test
  void shouldOpenItsInboxForAReceiverThoughToldToStop() {
    session.announceStop();
    driver.stepFor(Duration.ofSeconds(1));
    assertThat(session.isDone()).isFalse();

    RecordingInbox receiver = openReceiver();
    assertThat(driver.stoppingCount(Stage.RECIPROCAL)).isOne();
    reader.send(frame(0));
    driver.stepUntil("the frame", () -> receiver.poll(1) == 1);
  }

  @Test
  void shouldKeepWhatItHasWhileThereIsNoReceiver() {
    RecordingInbox gone = openReceiver();
    gone.close();
    driver.stepUntil("no receiver", () -> stats.counter(Figure.DOWNSTREAM_INSTANCES).get() == 0);
    assertThat(stats.counter(Figure.READY).get()).isZero();
    reader.send(frame(0));
    driver.stepFor(Duration.ofSeconds(1));
    assertThat(stats.counter(Figure.FRAMES_TRANSFORMED).get()).isZero();

    RecordingInbox receiver = openReceiver();
    driver.stepUntil("the frame", () -> receiver.poll(1) == 1);
    assertThat(stats.counter(Figure.READY).get()).isEqualTo(1);
  }

  @Test
  void shouldCountAndSkipMalformedMessages() {
    RecordingInbox receiver = openReceiver();
    DirectBuffer floatFrame = TestMessages.floatFrame(0, 0, SOURCE_ID, ANSWER_STREAM_ID, 1);
    TestSender stranger = TestSender.connect(driver, CHANNELS.frames(), Stage.RECIPROCAL);
    int good = 0;
    for (Malformed malformed : TestMessages.malformed(frame(0), floatFrame)) {
      long before = stats.rejected(malformed.reason()).get();
      stranger.send(malformed.message());
      reader.send(frame(good++));
      int expected = good;
      driver.stepUntil(
          "the frame after a message that is " + malformed,
          () -> receiver.poll(1) >= 0 && receiver.messages().size() == expected);
      driver.stepUntil(
          malformed + " to be counted",
          () -> stats.rejected(malformed.reason()).get() == before + 1);
    }
    stranger.send(TestMessages.norms(SOURCE_ID, 1, 2, 3));
    driver.stepUntil(
        "an answer to be counted", () -> stats.rejected(RejectReason.STAGE).get() == 2);

    long before = stats.rejected(RejectReason.LENGTH).get();
    stranger.sendInFragments(CHANNELS.frames(), new UnsafeBuffer(new byte[5000]));
    driver.stepUntil(
        "each fragment to be counted",
        () -> stats.rejected(RejectReason.LENGTH).get() > before + 1);

    assertThat(sequencesOf(receiver)).containsExactlyElementsOf(range(0, good));
    assertThat(stats.counter(Figure.FRAMES_TRANSFORMED).get()).isEqualTo(good);
  }

  @Test
  void shouldHandOnEverythingBeforeItLeaves() {
    RecordingInbox receiver = openReceiver();
    int frames = 2 * ENOUGH_FRAMES;
    for (int i = 0; i < frames; i++) {
      reader.send(frame(i));
    }
    session.leave(driver.nanoTime());
    driver.stepFor(Duration.ofSeconds(5));
    assertThat(session.isDone()).as("the receiver has no room").isFalse();

    driver.stepUntil("the end", () -> receiver.poll(1) >= 0 && session.isDone());
    session.close();
    reciprocal.close();
    driver.stepUntil(
        "the rest", () -> receiver.poll(1) >= 0 && receiver.messages().size() == frames);

    driver.stepFor(Duration.ofSeconds(12));
    assertThat(sequencesOf(receiver)).containsExactlyElementsOf(range(0, frames));
    assertThat(reader.opened()).hasSize(1);
    assertThat(reader.lost()).isEmpty();
  }

  /** Its payloads are in slots that end with it. */
  @Test
  void shouldNotEndBeforeWhatItSentIsRead() {
    RecordingInbox receiver = openReceiver();
    reader.send(frame(0));
    driver.stepUntil("the frame", () -> stats.counter(Figure.FRAMES_TRANSFORMED).get() == 1);
    session.leave(driver.nanoTime());
    driver.stepFor(Duration.ofSeconds(5));
    assertThat(session.isDone()).isFalse();

    driver.stepUntil("the end", () -> receiver.poll(1) >= 0 && session.isDone());
    assertThat(sequencesOf(receiver)).containsExactly(0L);
  }

  @Test
  void shouldLeaveInSpiteOfASenderThatDiedWithAFrameHalfMade() {
    RecordingInbox receiver = openReceiver();
    TestSender dying = TestSender.connect(driver, CHANNELS.frames(), Stage.RECIPROCAL);
    // It is behind when the sender dies: the driver then never unblocks the log.
    reciprocal.run(nowNanos -> 0);
    dying.send(frame(0));
    assertThat(dying.claimAndForget()).isTrue();
    dying.peer().kill();
    driver.stepFor(Duration.ofSeconds(30));

    reciprocal.run(session::doWork);
    driver.stepUntil("the whole frame", () -> receiver.poll(1) == 1);
    reader.send(frame(1));
    session.leave(driver.nanoTime());
    driver.stepUntil("the end", () -> receiver.poll(1) >= 0 && session.isDone());

    assertThat(sequencesOf(receiver)).containsExactly(0L, 1L);
  }

  private static void reciprocals(
      DirectBuffer in, int inOffset, MutableDirectBuffer out, int outOffset) {
    for (int i = 0; i < Frames.ELEMENTS; i++) {
      float y = 1f / (1f + Byte.toUnsignedInt(in.getByte(inOffset + i)));
      out.putFloat(outOffset + i * Float.BYTES, y, ByteOrder.LITTLE_ENDIAN);
    }
  }

  private final class WarmingKernel implements Kernel {
    @Override
    public void apply(DirectBuffer in, int inOffset, MutableDirectBuffer out, int outOffset) {
      reciprocals(in, inOffset, out, outOffset);
    }

    @Override
    public boolean isWarm() {
      return isWarm;
    }
  }

  private RecordingInbox openReceiver() {
    RecordingInbox inbox =
        next.own(RecordingInbox.open(next.connection(), CHANNELS.frames(), NEXT, 1));
    driver.stepUntil(
        "the receiver to be known", () -> stats.counter(Figure.DOWNSTREAM_INSTANCES).get() == 1);
    if (reader == null) {
      reader = TestSender.connect(driver, CHANNELS.frames(), Stage.RECIPROCAL);
    }
    return inbox;
  }

  /** Tries once a step; returns how many frames were taken. */
  private int sendFor(int steps) {
    int sent = 0;
    for (int i = 0; i < steps; i++) {
      sent += reader.trySend(frame(sent)) ? 1 : 0;
      driver.step();
    }
    return sent;
  }

  private static DirectBuffer frame(long sequence) {
    return TestMessages.byteFrame(
        sequence, 0, SOURCE_ID, ANSWER_STREAM_ID, new byte[Frames.BYTE_PAYLOAD_LENGTH]);
  }

  /** Each of which has its sequence as its first byte. */
  private static List<DirectBuffer> frames(int from, int count) {
    List<DirectBuffer> frames = new ArrayList<>();
    for (int sequence = from; sequence < from + count; sequence++) {
      byte[] payload = new byte[Frames.BYTE_PAYLOAD_LENGTH];
      payload[0] = (byte) sequence;
      frames.add(TestMessages.byteFrame(sequence, 0, SOURCE_ID, ANSWER_STREAM_ID, payload));
    }
    return frames;
  }

  private static float floatAt(DirectBuffer message, int element) {
    return message.getFloat(Frames.MESSAGE_LENGTH + element * Float.BYTES, ByteOrder.LITTLE_ENDIAN);
  }

  private static FrameBatchDecoder decode(DirectBuffer message) {
    return new FrameBatchDecoder().wrapAndApplyHeader(message, 0, new MessageHeaderDecoder());
  }

  private static List<Long> sequencesOf(RecordingInbox inbox) {
    return inbox.messages().stream().map(message -> decode(message).sequence()).toList();
  }

  private static List<Long> range(long from, long to) {
    return LongStream.range(from, to).boxed().toList();
  }
}
