package io.framepipeline.common.delivery;

import static org.assertj.core.api.Assertions.assertThat;

import io.framepipeline.common.metrics.Figure;
import io.framepipeline.common.metrics.StageStats;
import io.framepipeline.common.topology.Stage;
import io.framepipeline.common.transport.Channels;
import io.framepipeline.common.transport.RecordingInbox;
import io.framepipeline.common.transport.SteppedDriver;
import io.framepipeline.common.transport.TestSender;
import io.framepipeline.common.wire.Frames;
import io.framepipeline.common.wire.RejectReason;
import io.framepipeline.common.wire.TestMessages;
import io.framepipeline.common.wire.TestMessages.Malformed;
import io.framepipeline.common.wire.sbe.FrameBatchEncoder;
import io.framepipeline.common.wire.sbe.MessageHeaderDecoder;
import io.framepipeline.common.wire.sbe.NormsDecoder;
import java.nio.ByteOrder;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.LongStream;
import org.agrona.DirectBuffer;
import org.agrona.MutableDirectBuffer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class AnswerStageTest {
  private static final Channels CHANNELS = Channels.of("aeron:ipc?term-length=1m");
  private static final int SOURCE_ID = 77;

  /** Frames whose answers can wait in the norm service, and in a reader's full inbox. */
  private static final int ANSWERS_WAITING = Frames.MAX_WINDOW_FRAMES;

  private static final int ANSWERS_IN_FULL_INBOX = 32 * 1024 / 16;

  private final SteppedDriver driver = new SteppedDriver();
  private final SteppedDriver.Peer norm = driver.startPeer();
  private final SteppedDriver.Peer reader = driver.startPeer();
  private final RecordingInbox answers = openReaderInbox(reader);
  private final StageStats stats = StageStats.inMemory();
  private AnswerStage session;
  private TestSender reciprocal;

  @AfterEach
  void closeDriver() {
    driver.close();
  }

  @Test
  void shouldRecordAndAnswerEachFrame() {
    start();
    reciprocal.send(frame(0, 1f));
    reciprocal.send(frame(1, 0.5f));
    driver.stepUntil("the norms", () -> pollAnswers() == 2);

    assertThat(stats.counter(Figure.FRAMES_NORMED).get()).isEqualTo(2);
    assertThat(stats.norms.snapshot().max()).isEqualTo(64);
    assertThat(stats.norms.snapshot().min()).isEqualTo(32);
    assertThat(stats.latencyNanos.snapshot().count()).isEqualTo(2);
    assertThat(answered(answers)).containsExactly(0L, 1L);
    assertThat(norms(answers)).containsExactly(64.0, 32.0);
    assertThat(decode(answers.messages().getFirst()).sourceId()).isEqualTo(SOURCE_ID);
  }

  @Test
  void shouldAnswerAPollInOneMessage() {
    start();
    for (int i = 0; i < 8; i++) {
      assertThat(reciprocal.trySend(frame(i, 1f))).isTrue();
    }
    driver.stepUntil("the norms", () -> pollAnswers() > 0);

    assertThat(answers.messages()).hasSize(1);
    assertThat(answered(answers)).containsExactlyElementsOf(range(0, 8));
  }

  @Test
  void shouldRecordAndAnswerEachFrameOfABatch() {
    start();
    List<DirectBuffer> batch = new ArrayList<>();
    for (int i = 0; i < 16; i++) {
      batch.add(frame(i, i + 1));
    }
    reciprocal.send(frame(2, 3));
    reciprocal.sendBatch(batch);
    driver.stepUntil("the norms", () -> pollAnswers() == 17);

    assertThat(answered(answers).subList(1, 17)).containsExactlyElementsOf(range(0, 16));
    assertThat(stats.counter(Figure.FRAMES_NORMED).get()).isEqualTo(17);
    assertThat(stats.norms.snapshot().count()).isEqualTo(17);
    assertThat(stats.norms.snapshot().sum()).isEqualTo(64 * (3 + 16 * 17 / 2));
    assertThat(stats.latencyNanos.snapshot().count()).isEqualTo(17);
  }

  @Test
  void shouldSkipOnlyThoseFramesOfABatchThatAreGoneOrNoNumbers() {
    start();
    reciprocal.sendBatch(
        List.of(
            frame(0, 1f),
            TestMessages.withoutPayload(frame(1, 1f)),
            frame(2, 0.5f),
            frame(3, Float.NaN),
            frame(4, 2f),
            TestMessages.withoutPayload(frame(5, 1f)),
            frame(6, Float.POSITIVE_INFINITY)));
    driver.stepUntil("the norms", () -> pollAnswers() == 3);

    assertThat(answered(answers)).containsExactly(0L, 2L, 4L);
    assertThat(stats.norms.snapshot().sum()).isEqualTo(64 + 32 + 128);
    assertThat(stats.rejected(RejectReason.GONE).get()).as("messages, not frames").isEqualTo(1);
    assertThat(stats.rejected(RejectReason.PAYLOAD).get()).as("messages, not frames").isEqualTo(1);
  }

  /** What a reciprocal writes over belongs to a norm that was taken for lost. */
  @Test
  void shouldSkipAFrameWhoseFloatsAreGone() {
    start();
    reciprocal.send(TestMessages.withoutPayload(frame(0, 1f)));
    reciprocal.send(frame(1, 0.5f));
    driver.stepUntil("the norm", () -> pollAnswers() == 1);

    assertThat(answered(answers)).containsExactly(1L);
    assertThat(stats.counter(Figure.FRAMES_NORMED).get()).isEqualTo(1);
    assertThat(stats.rejected(RejectReason.GONE).get()).isEqualTo(1);
  }

  @Test
  void shouldHoldBackWhileTheReadersInboxIsFull() {
    start();
    DirectBuffer frame = frame(0, 1f);
    int sent = 0;
    int stepsWithoutRoom = 0;
    // Longer than any time after which the reader might be taken for gone.
    while (stepsWithoutRoom < Duration.ofSeconds(15).toMillis()) {
      if (reciprocal.trySend(withSequence(frame, sent))) {
        sent++;
        stepsWithoutRoom = 0;
      } else {
        driver.step();
        stepsWithoutRoom++;
      }
    }

    long normed = stats.counter(Figure.FRAMES_NORMED).get();
    assertThat(normed)
        .as("recorded without having been answered")
        .isBetween((long) ANSWERS_WAITING, (long) ANSWERS_WAITING + ANSWERS_IN_FULL_INBOX);
    assertThat(sent).as("the rest waits in the inbox").isGreaterThan((int) normed);

    int frames = sent;
    driver.stepUntil("every norm", () -> pollAnswers() == frames);
    assertThat(answered(answers)).containsExactlyElementsOf(range(0, frames));
    assertThat(stats.counter(Figure.FRAMES_NORMED).get()).isEqualTo(frames);
  }

  @Test
  void shouldDropTheAnswersToAReaderThatIsGoneOnly() {
    start();
    SteppedDriver.Peer doomed = driver.startPeer();
    RecordingInbox doomedAnswers = openReaderInbox(doomed);
    DirectBuffer frame =
        TestMessages.floatFrame(0, 0, SOURCE_ID + 1, doomedAnswers.inbox().streamId(), 1f);
    // Its inbox takes some 2,700 answers; the others wait.
    int frames = 4000;
    for (int i = 0; i < frames; i++) {
      reciprocal.send(withSequence(frame, i));
    }
    driver.stepUntil("every norm", () -> stats.counter(Figure.FRAMES_NORMED).get() == frames);
    doomed.stop();
    session.leave(driver.nanoTime());
    driver.stepFor(Duration.ofSeconds(5));
    assertThat(session.isDone()).as("it may be but slow").isFalse();

    driver.stepUntil("the reader's death", () -> session.isDone());
  }

  @Test
  void shouldServeOtherReadersWhileOneIsStuck() {
    start();
    SteppedDriver.Peer stuck = driver.startPeer();
    RecordingInbox stuckAnswers = openReaderInbox(stuck);
    DirectBuffer frame =
        TestMessages.floatFrame(0, 0, SOURCE_ID + 1, stuckAnswers.inbox().streamId(), 1f);
    for (int i = 0; i < 4000; i++) {
      reciprocal.send(withSequence(frame, i));
    }
    for (int i = 0; i < 100; i++) {
      reciprocal.send(frame(i, 1f));
    }

    driver.stepUntil("the other's norms", () -> pollAnswers() == 100);
    assertThat(answered(answers)).containsExactlyElementsOf(range(0, 100));
  }

  @Test
  void shouldAnswerARepeatAsItDidTheFirst() {
    start();
    reciprocal.send(frame(5, 0.5f));
    driver.stepUntil("the norm", () -> pollAnswers() == 1);
    reciprocal.send(frame(5, 0.5f));
    driver.stepUntil("the norm again", () -> pollAnswers() == 2);

    assertThat(answered(answers)).containsExactly(5L, 5L);
    assertThat(norms(answers)).containsExactly(32.0, 32.0);
    assertThat(stats.counter(Figure.FRAMES_NORMED).get()).isEqualTo(2);
  }

  /** A reader with a small window would wait for it for ever, if others' frames never end. */
  @Test
  void shouldNotKeepAnAnswerBackWhileItHasOtherFramesToRead() {
    start();
    SteppedDriver.Peer busy = driver.startPeer();
    RecordingInbox busyAnswers = openReaderInbox(busy);
    DirectBuffer frame =
        TestMessages.floatFrame(0, 0, SOURCE_ID + 1, busyAnswers.inbox().streamId(), 1f);
    driver.stepFor(Duration.ofMillis(100));
    reciprocal.send(frame(0, 1f));
    long sequence = 0;
    // Each step polls sixteen frames at most: there are always some left.
    while (pollAnswers() == 0) {
      assertThat(sequence).as("frames of the other").isLessThan(2000);
      for (int i = 0; i < 16; i++) {
        reciprocal.trySend(withSequence(frame, sequence++));
      }
      driver.step();
      busyAnswers.poll(100);
    }

    assertThat(answered(answers)).containsExactly(0L);
  }

  @Test
  void shouldAnswerToTheInboxThatAReaderHasNow() {
    start();
    reciprocal.send(frame(0, 1f));
    driver.stepUntil("the norm", () -> pollAnswers() == 1);

    reader.close();
    SteppedDriver.Peer again = driver.startPeer();
    RecordingInbox newAnswers = openReaderInbox(again);
    reciprocal.send(TestMessages.floatFrame(1, 0, SOURCE_ID, newAnswers.inbox().streamId(), 1f));
    driver.stepUntil("the norm in the new inbox", () -> newAnswers.poll(1) == 1);

    assertThat(answered(newAnswers)).containsExactly(1L);
  }

  @Test
  void shouldCountAndSkipMalformedMessages() {
    start();
    DirectBuffer byteFrame =
        TestMessages.byteFrame(0, 0, SOURCE_ID, 0, new byte[Frames.BYTE_PAYLOAD_LENGTH]);
    List<Malformed> malformed = new ArrayList<>(TestMessages.malformed(frame(0, 1f), byteFrame));
    malformed.add(new Malformed("NaN", RejectReason.PAYLOAD, frame(1000, Float.NaN)));
    malformed.add(
        new Malformed("infinite", RejectReason.PAYLOAD, frame(1001, Float.NEGATIVE_INFINITY)));
    // Frames fill the usual fragments to the last byte; a stranger can make longer ones.
    TestSender stranger =
        TestSender.connect(driver, "aeron:ipc?term-length=1m|mtu=32k", Stage.NORM);
    int good = 0;
    for (Malformed message : malformed) {
      long before = stats.rejected(message.reason()).get();
      stranger.send(message.message());
      stranger.send(frame(good++, 1f));
      int expected = good;
      driver.stepUntil(
          "the norm after a message that is " + message, () -> pollAnswers() == expected);
      assertThat(stats.rejected(message.reason()).get()).as("%s", message).isEqualTo(before + 1);
    }

    assertThat(answered(answers)).containsExactlyElementsOf(range(0, good));
    assertThat(stats.counter(Figure.FRAMES_NORMED).get()).isEqualTo(good);
  }

  @Test
  void shouldWorkOnWhenToldToStop() {
    start();
    session.announceStop();
    assertThat(driver.stoppingCount(Stage.NORM)).isOne();
    reciprocal.send(frame(0, 1f));
    driver.stepUntil("the norm", () -> pollAnswers() == 1);
    assertThat(session.isDone()).isFalse();
  }

  @Test
  void shouldAnswerEverythingBeforeItLeaves() {
    start();
    int frames = 8;
    for (int i = 0; i < frames; i++) {
      assertThat(reciprocal.trySend(frame(i, 1f))).isTrue();
    }
    session.leave(driver.nanoTime());
    driver.stepUntil("the end", () -> session.isDone());
    session.close();
    norm.close();

    driver.stepUntil("every norm", () -> pollAnswers() == frames);
    driver.stepFor(Duration.ofSeconds(12));
    assertThat(reciprocal.opened()).hasSize(1);
    assertThat(reciprocal.lost()).isEmpty();
  }

  /** A log could not be made, for example. */
  @Test
  void shouldTakeNextToNothingForAReaderThatItCannotReach() {
    start();
    // It takes one certain session, which is not the norm's.
    RecordingInbox unreachable =
        RecordingInbox.open(
            driver.startPeer().connection(), "aeron:ipc?session-id=1", Stage.READER, SOURCE_ID + 1);
    DirectBuffer frame =
        TestMessages.floatFrame(0, 0, SOURCE_ID + 1, unreachable.inbox().streamId(), 1f);
    driver.stepFor(Duration.ofMillis(100));
    reciprocal.send(frame);
    reciprocal.send(withSequence(frame, 1));
    driver.stepFor(Duration.ofMillis(500));
    assertThat(stats.counter(Figure.FRAMES_NORMED).get()).isZero();
    assertThat(stats.rejected(RejectReason.SOURCES).get()).as("it may connect yet").isZero();

    // Others are held up for a while each time, not for ever.
    reciprocal.send(frame(0, 1f));
    driver.stepUntil("the other's norm", () -> pollAnswers() == 1);
    assertThat(stats.rejected(RejectReason.SOURCES).get()).isEqualTo(2);
    assertThat(stats.counter(Figure.FRAMES_NORMED).get()).isEqualTo(1);
  }

  private void start() {
    session =
        norm.own(
            new AnswerStage(Stage.NORM, AnswerStageTest::norm, norm.connection(), CHANNELS, stats));
    norm.run(session::doWork);
    reciprocal = TestSender.connect(driver, CHANNELS.frames(), Stage.NORM);
  }

  /** The Frobenius norm of a frame, as simply as can be. */
  private static double norm(DirectBuffer in, int inOffset) {
    double sum = 0;
    for (int i = 0; i < Frames.ELEMENTS; i++) {
      double y = in.getFloat(inOffset + i * Float.BYTES, ByteOrder.LITTLE_ENDIAN);
      sum += y * y;
    }
    return Math.sqrt(sum);
  }

  private static RecordingInbox openReaderInbox(SteppedDriver.Peer peer) {
    return RecordingInbox.open(peer.connection(), CHANNELS.answers(), Stage.READER, SOURCE_ID);
  }

  private DirectBuffer frame(long sequence, float element) {
    return TestMessages.floatFrame(sequence, 0, SOURCE_ID, answers.inbox().streamId(), element);
  }

  /** The same frame under another sequence: making a new one for each would take longer. */
  private static DirectBuffer withSequence(DirectBuffer frame, long sequence) {
    new FrameBatchEncoder()
        .wrap((MutableDirectBuffer) frame, MessageHeaderDecoder.ENCODED_LENGTH)
        .sequence(sequence);
    return frame;
  }

  /** Takes what there is; returns how many frames are answered by now. */
  private int pollAnswers() {
    answers.poll(1);
    return answered(answers).size();
  }

  private static NormsDecoder decode(DirectBuffer message) {
    return new NormsDecoder().wrapAndApplyHeader(message, 0, new MessageHeaderDecoder());
  }

  private static List<Long> answered(RecordingInbox inbox) {
    List<Long> sequences = new ArrayList<>();
    for (DirectBuffer message : inbox.messages()) {
      for (NormsDecoder.AnswersDecoder answer : decode(message).answers()) {
        sequences.add(answer.sequence());
      }
    }
    return sequences;
  }

  private static List<Double> norms(RecordingInbox inbox) {
    List<Double> norms = new ArrayList<>();
    for (DirectBuffer message : inbox.messages()) {
      for (NormsDecoder.AnswersDecoder answer : decode(message).answers()) {
        norms.add(answer.norm());
      }
    }
    return norms;
  }

  private static List<Long> range(long from, long to) {
    return LongStream.range(from, to).boxed().toList();
  }
}
