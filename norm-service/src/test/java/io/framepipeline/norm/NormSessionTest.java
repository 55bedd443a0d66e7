package io.framepipeline.norm;

import static org.assertj.core.api.Assertions.assertThat;

import io.framepipeline.common.frame.Frames;
import io.framepipeline.common.frame.TestMessages;
import io.framepipeline.common.frame.TestMessages.Malformed;
import io.framepipeline.common.frame.Verdict;
import io.framepipeline.common.frame.sbe.AckDecoder;
import io.framepipeline.common.frame.sbe.FloatFramesEncoder;
import io.framepipeline.common.frame.sbe.MessageHeaderDecoder;
import io.framepipeline.common.metrics.StageStats;
import io.framepipeline.common.transport.Channels;
import io.framepipeline.common.transport.RecordingInbox;
import io.framepipeline.common.transport.Stage;
import io.framepipeline.common.transport.SteppedDriver;
import io.framepipeline.common.transport.TestSender;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.stream.LongStream;
import org.agrona.DirectBuffer;
import org.agrona.MutableDirectBuffer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class NormSessionTest {
  private static final Channels CHANNELS = Channels.of("aeron:ipc?term-length=1m");
  private static final int SOURCE_ID = 77;

  /** Frames whose acknowledgements can wait in the norm service, and in a reader's full inbox. */
  private static final int ACKS_WAITING = Frames.MAX_WINDOW_FRAMES;

  private static final int ACKS_IN_FULL_INBOX = 32 * 1024 / Long.BYTES;

  private final SteppedDriver driver = new SteppedDriver();
  private final SteppedDriver.Peer norm = driver.startPeer();
  private final SteppedDriver.Peer reader = driver.startPeer();
  private final RecordingInbox acks = openReaderInbox(reader);
  private final StageStats stats = StageStats.inMemory();
  private NormSession session;
  private TestSender reciprocal;

  @AfterEach
  void closeDriver() {
    driver.close();
  }

  @Test
  void shouldRecordAndAcknowledgeEachFrame() {
    start(null);
    reciprocal.send(frame(0, 1f));
    reciprocal.send(frame(1, 0.5f));
    driver.stepUntil("the acks", () -> pollAcks() == 2);

    assertThat(stats.framesNormed.get()).isEqualTo(2);
    assertThat(stats.norms.snapshot().max()).isEqualTo(64);
    assertThat(stats.norms.snapshot().min()).isEqualTo(32);
    assertThat(stats.latencyNanos.snapshot().count()).isEqualTo(2);
    assertThat(acknowledged(acks)).containsExactly(0L, 1L);
    assertThat(decode(acks.messages().getFirst()).sourceId()).isEqualTo(SOURCE_ID);
  }

  @Test
  void shouldAcknowledgeAPollInOneMessage() {
    start(null);
    for (int i = 0; i < 8; i++) {
      assertThat(reciprocal.trySend(frame(i, 1f))).isTrue();
    }
    driver.stepUntil("the acks", () -> pollAcks() > 0);

    assertThat(acks.messages()).hasSize(1);
    assertThat(acknowledged(acks)).containsExactlyElementsOf(range(0, 8));
  }

  @Test
  void shouldRecordAndAcknowledgeEachFrameOfARun() {
    start(null);
    List<DirectBuffer> run = new ArrayList<>();
    for (int i = 0; i < 16; i++) {
      run.add(frame(i, i + 1));
    }
    reciprocal.send(frame(2, 3));
    reciprocal.sendRun(run);
    driver.stepUntil("the acks", () -> pollAcks() == 17);

    assertThat(acknowledged(acks).subList(1, 17)).containsExactlyElementsOf(range(0, 16));
    assertThat(stats.framesNormed.get()).isEqualTo(16);
    assertThat(stats.framesDuplicate.get()).isEqualTo(1);
    assertThat(stats.norms.snapshot().count()).isEqualTo(16);
    assertThat(stats.norms.snapshot().sum()).isEqualTo(64 * (16 * 17 / 2));
    assertThat(stats.latencyNanos.snapshot().count()).isEqualTo(16);
    assertThat(stats.messages(Verdict.ACCEPTED).get()).isEqualTo(2);
  }

  @Test
  void shouldSkipOnlyThoseFramesOfARunThatAreGoneOrNoNumbers() {
    start(null);
    reciprocal.sendRun(
        List.of(
            frame(0, 1f),
            TestMessages.withoutPayload(frame(1, 1f)),
            frame(2, 0.5f),
            frame(3, Float.NaN),
            frame(4, 2f),
            TestMessages.withoutPayload(frame(5, 1f)),
            frame(6, Float.POSITIVE_INFINITY)));
    driver.stepUntil("the acks", () -> pollAcks() == 3);

    assertThat(acknowledged(acks)).containsExactly(0L, 2L, 4L);
    assertThat(stats.norms.snapshot().sum()).isEqualTo(64 + 32 + 128);
    assertThat(stats.messages(Verdict.ACCEPTED).get()).isZero();
    assertThat(stats.messages(Verdict.GONE).get()).as("messages, not frames").isEqualTo(1);
    assertThat(stats.messages(Verdict.PAYLOAD).get()).as("messages, not frames").isEqualTo(1);
  }

  /** What a reciprocal writes over belongs to a norm that was taken for lost. */
  @Test
  void shouldSkipAFrameWhoseFloatsAreGone() {
    start(null);
    reciprocal.send(TestMessages.withoutPayload(frame(0, 1f)));
    reciprocal.send(frame(1, 0.5f));
    driver.stepUntil("the ack", () -> pollAcks() == 1);

    assertThat(acknowledged(acks)).containsExactly(1L);
    assertThat(stats.framesNormed.get()).isEqualTo(1);
    assertThat(stats.messages(Verdict.GONE).get()).isEqualTo(1);
    assertThat(stats.messages(Verdict.ACCEPTED).get()).isEqualTo(1);
  }

  @Test
  void shouldHoldBackWhileTheReadersInboxIsFull() {
    start(null);
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

    long normed = stats.framesNormed.get();
    assertThat(normed)
        .as("recorded without having been acknowledged")
        .isBetween((long) ACKS_WAITING, (long) ACKS_WAITING + ACKS_IN_FULL_INBOX);
    assertThat(sent).as("the rest waits in the inbox").isGreaterThan((int) normed);

    int frames = sent;
    driver.stepUntil("every ack", () -> pollAcks() == frames);
    assertThat(acknowledged(acks)).containsExactlyElementsOf(range(0, frames));
    assertThat(stats.framesNormed.get()).isEqualTo(frames);
    assertThat(stats.framesDuplicate.get()).isZero();
  }

  @Test
  void shouldDropAcknowledgementsOfAReaderThatIsGoneOnly() {
    start(null);
    SteppedDriver.Peer doomed = driver.startPeer();
    RecordingInbox doomedAcks = openReaderInbox(doomed);
    DirectBuffer frame =
        TestMessages.floatFrame(0, 0, SOURCE_ID + 1, doomedAcks.inbox().streamId(), 1f);
    // Its inbox takes some 2,700 acks; the others wait.
    int frames = 4000;
    for (int i = 0; i < frames; i++) {
      reciprocal.send(withSequence(frame, i));
    }
    driver.stepUntil("every norm", () -> stats.framesNormed.get() == frames);
    doomed.stop();
    session.leave(driver.nanoTime());
    driver.stepFor(Duration.ofSeconds(5));
    assertThat(session.isDone(driver.nanoTime())).as("it may be but slow").isFalse();

    driver.stepUntil("the reader's death", () -> session.isDone(driver.nanoTime()));
  }

  @Test
  void shouldServeOtherReadersWhileOneIsStuck() {
    start(null);
    SteppedDriver.Peer stuck = driver.startPeer();
    RecordingInbox stuckAcks = openReaderInbox(stuck);
    DirectBuffer frame =
        TestMessages.floatFrame(0, 0, SOURCE_ID + 1, stuckAcks.inbox().streamId(), 1f);
    for (int i = 0; i < 4000; i++) {
      reciprocal.send(withSequence(frame, i));
    }
    for (int i = 0; i < 100; i++) {
      reciprocal.send(frame(i, 1f));
    }

    driver.stepUntil("the other's acks", () -> pollAcks() == 100);
    assertThat(acknowledged(acks)).containsExactlyElementsOf(range(0, 100));
  }

  @Test
  void shouldDropCountAndAcknowledgeRepeats() {
    start(null);
    reciprocal.send(frame(5, 1f));
    driver.stepUntil("the ack", () -> pollAcks() == 1);
    reciprocal.send(frame(5, 1f));
    driver.stepUntil("the second ack", () -> pollAcks() == 2);

    assertThat(acknowledged(acks)).containsExactly(5L, 5L);
    assertThat(stats.framesNormed.get()).isEqualTo(1);
    assertThat(stats.norms.snapshot().count()).isEqualTo(1);
    assertThat(stats.framesDuplicate.get()).isEqualTo(1);
  }

  @Test
  void shouldAcknowledgeToTheInboxThatAReaderHasNow() {
    start(null);
    reciprocal.send(frame(0, 1f));
    driver.stepUntil("the ack", () -> pollAcks() == 1);

    reader.close();
    SteppedDriver.Peer again = driver.startPeer();
    RecordingInbox newAcks = openReaderInbox(again);
    reciprocal.send(TestMessages.floatFrame(1, 0, SOURCE_ID, newAcks.inbox().streamId(), 1f));
    driver.stepUntil("the ack in the new inbox", () -> newAcks.poll(1) == 1);

    assertThat(acknowledged(newAcks)).containsExactly(1L);
    assertThat(stats.framesDuplicate.get()).isZero();
  }

  @Test
  void shouldCountAndSkipMalformedMessages() {
    start(null);
    DirectBuffer byteFrame =
        TestMessages.byteFrame(0, 0, SOURCE_ID, 0, new byte[Frames.BYTE_PAYLOAD_LENGTH]);
    List<Malformed> malformed = new ArrayList<>(TestMessages.malformed(frame(0, 1f), byteFrame));
    malformed.add(new Malformed("NaN", Verdict.PAYLOAD, frame(1000, Float.NaN)));
    malformed.add(new Malformed("infinite", Verdict.PAYLOAD, frame(1001, Float.NEGATIVE_INFINITY)));
    // Frames fill the usual fragments to the last byte; a stranger can make longer ones.
    TestSender stranger =
        TestSender.connect(driver, "aeron:ipc?term-length=1m|mtu=32k", Stage.NORM);
    int good = 0;
    for (Malformed message : malformed) {
      long before = stats.messages(message.verdict()).get();
      stranger.send(message.message());
      stranger.send(frame(good++, 1f));
      int expected = good;
      driver.stepUntil("the ack after a message that is " + message, () -> pollAcks() == expected);
      assertThat(stats.messages(message.verdict()).get()).as("%s", message).isEqualTo(before + 1);
    }

    assertThat(acknowledged(acks)).containsExactlyElementsOf(range(0, good));
    assertThat(stats.framesNormed.get()).isEqualTo(good);
    assertThat(stats.messages(Verdict.ACCEPTED).get()).isEqualTo(good);
  }

  @Test
  void shouldWorkOnWhenToldToStop() {
    start(null);
    session.announceStop();
    assertThat(driver.stoppingCount(Stage.NORM)).isOne();
    reciprocal.send(frame(0, 1f));
    driver.stepUntil("the ack", () -> pollAcks() == 1);
    assertThat(session.isDone(driver.nanoTime())).isFalse();
  }

  @Test
  void shouldAcknowledgeEverythingBeforeItLeaves() {
    start(null);
    int frames = 8;
    for (int i = 0; i < frames; i++) {
      assertThat(reciprocal.trySend(frame(i, 1f))).isTrue();
    }
    session.leave(driver.nanoTime());
    driver.stepUntil("the end", () -> session.isDone(driver.nanoTime()));
    session.close();
    norm.close();

    driver.stepUntil("every ack", () -> pollAcks() == frames);
    driver.stepFor(Duration.ofSeconds(12));
    assertThat(reciprocal.opened()).hasSize(1);
    assertThat(reciprocal.lost()).isEmpty();
  }

  @Test
  void shouldAcknowledgeNoFrameBeforeItsNormIsPrinted() {
    CountDownLatch unblocked = new CountDownLatch(1);
    ByteArrayOutputStream printed = new ByteArrayOutputStream();
    start(new NormPrinter(new BlockedOutput(printed, unblocked)));
    reciprocal.send(frame(0, 1f));
    reciprocal.send(frame(0, 1f));
    driver.stepUntil("the norm", () -> stats.framesDuplicate.get() == 1);
    session.leave(driver.nanoTime());
    driver.stepFor(Duration.ofSeconds(30));
    assertThat(pollAcks()).isZero();
    assertThat(session.isDone(driver.nanoTime())).isFalse();

    unblocked.countDown();
    driver.stepUntil("the acks", () -> pollAcks() == 2);
    assertThat(printed).hasToString(SOURCE_ID + " 0 64.0\n");
    driver.stepUntil("the end", () -> session.isDone(driver.nanoTime()));
  }

  /** A pipe that nobody reads for a while. */
  private static final class BlockedOutput extends OutputStream {
    private final OutputStream out;
    private final CountDownLatch unblocked;

    BlockedOutput(OutputStream out, CountDownLatch unblocked) {
      this.out = out;
      this.unblocked = unblocked;
    }

    @Override
    public void write(int value) {
      throw new UnsupportedOperationException("lines are written whole");
    }

    @Override
    public void write(byte[] bytes, int offset, int length) throws IOException {
      try {
        unblocked.await();
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
      out.write(bytes, offset, length);
    }
  }

  private void start(NormPrinter printer) {
    if (printer != null) {
      norm.own(printer);
    }
    session =
        norm.own(new NormSession(norm.connection(), CHANNELS, new FrameSources(), printer, stats));
    norm.run(session::doWork);
    reciprocal = TestSender.connect(driver, CHANNELS.frames(), Stage.NORM);
  }

  private static RecordingInbox openReaderInbox(SteppedDriver.Peer peer) {
    return RecordingInbox.open(peer.connection(), CHANNELS.acks(), Stage.READER, SOURCE_ID);
  }

  private DirectBuffer frame(long sequence, float element) {
    return TestMessages.floatFrame(sequence, 0, SOURCE_ID, acks.inbox().streamId(), element);
  }

  /** The same frame under another sequence: making a new one for each would take longer. */
  private static DirectBuffer withSequence(DirectBuffer frame, long sequence) {
    new FloatFramesEncoder()
        .wrap((MutableDirectBuffer) frame, MessageHeaderDecoder.ENCODED_LENGTH)
        .sequence(sequence);
    return frame;
  }

  /** Takes what there is; returns how many frames are acknowledged by now. */
  private int pollAcks() {
    acks.poll(1);
    return acknowledged(acks).size();
  }

  private static AckDecoder decode(DirectBuffer message) {
    return new AckDecoder().wrapAndApplyHeader(message, 0, new MessageHeaderDecoder());
  }

  private static List<Long> acknowledged(RecordingInbox inbox) {
    List<Long> sequences = new ArrayList<>();
    for (DirectBuffer message : inbox.messages()) {
      for (AckDecoder.FramesDecoder frame : decode(message).frames()) {
        sequences.add(frame.sequence());
      }
    }
    return sequences;
  }

  private static List<Long> range(long from, long to) {
    return LongStream.range(from, to).boxed().toList();
  }
}
