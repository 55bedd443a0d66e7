package io.framepipeline.reader;

import static org.assertj.core.api.Assertions.assertThat;

import io.framepipeline.common.linux.PipelineCpu;
import io.framepipeline.common.metrics.Figure;
import io.framepipeline.common.metrics.Ledger;
import io.framepipeline.common.metrics.StageStats;
import io.framepipeline.common.topology.Stage;
import io.framepipeline.common.transport.Channels;
import io.framepipeline.common.transport.RecordingInbox;
import io.framepipeline.common.transport.SlotFile;
import io.framepipeline.common.transport.SteppedDriver;
import io.framepipeline.common.transport.TestSender;
import io.framepipeline.common.wire.Frames;
import io.framepipeline.common.wire.RejectReason;
import io.framepipeline.common.wire.TestMessages;
import io.framepipeline.common.wire.TestMessages.Malformed;
import io.framepipeline.common.wire.sbe.FrameBatchDecoder;
import io.framepipeline.common.wire.sbe.MessageHeaderDecoder;
import java.io.IOException;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalLong;
import java.util.Random;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.agrona.DirectBuffer;
import org.agrona.MutableDirectBuffer;
import org.agrona.concurrent.NoOpIdleStrategy;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The reader against reciprocals and norms that are moved by hand. */
@Timeout(60)
class ReaderSessionTest {
  private static final Channels CHANNELS = Channels.of("aeron:ipc?term-length=64k");

  /** Where the reader sends to. Its instances are the reciprocals of these tests. */
  private static final Stage NEXT = Stage.first().next();

  /** Where answers come from. Its instances are the norms of these tests. */
  private static final Stage LAST = Stage.last();

  private static final int SOURCE_ID = 4711;
  private static final int WINDOW_FRAMES = 64;
  private static final int MAX_DELIVERIES = 3;

  @TempDir private Path abandonedDirectory;

  private final SteppedDriver driver = new SteppedDriver();
  private final SteppedDriver.Peer reader = driver.startPeer();
  private final StageStats stats = StageStats.inMemory();
  private final Random random = new Random(5);
  private final List<byte[]> input = new ArrayList<>();
  private SlotFile ring;
  private RetainedFrames frames;
  private ReaderSession session;
  private TestSender norms;

  @BeforeEach
  void startReader() throws IOException {
    ring =
        reader.own(
            SlotFile.create(
                SlotFile.pathFor(driver.aeronDirectory(), SOURCE_ID),
                WINDOW_FRAMES,
                Frames.BYTE_PAYLOAD_LENGTH));
    ReaderMemory memory = ReaderMemory.ofProcess();
    frames =
        new RetainedFrames(
            memory,
            ring.slots(),
            MAX_DELIVERIES,
            new AbandonedFrames(SOURCE_ID, abandonedDirectory),
            null);
    SourceReader source =
        new ChannelReader(
            new ReaderSettings(
                new Source("-"),
                false,
                OptionalLong.empty(),
                OptionalLong.empty(),
                WINDOW_FRAMES,
                PartialFrame.REFUSE,
                MAX_DELIVERIES,
                abandonedDirectory,
                null,
                null),
            frames,
            memory.input,
            NoOpIdleStrategy.INSTANCE,
            PipelineCpu.any(),
            stats.counter(Figure.FRAMES_PADDED));
    // Stopped before it starts, it reads nothing: the test is the source.
    source.stop();
    session =
        reader.own(
            new ReaderSession(
                reader.connection(),
                () -> {},
                CHANNELS,
                ring::link,
                SOURCE_ID,
                frames,
                source,
                null,
                stats));
    reader.run(
        nowNanos -> {
          int work = session.doWork(nowNanos);
          Ledger.Entry ledger = stats.ledger.read();
          assertThat(ledger.framesLost()).as("%s", ledger).isZero();
          assertThat(ledger.framesRead()).isLessThanOrEqualTo(input.size());
          return work;
        });
    norms = TestSender.connect(driver, CHANNELS.answers(), Stage.READER);
    // Nothing expires while a later stage is missing. The tests move the last one only.
    for (Stage later : NEXT.downstream()) {
      if (!later.isLast()) {
        new Worker(later);
      }
    }
  }

  @AfterEach
  void closeDriver() {
    driver.close();
  }

  @Test
  void shouldSendEachFrameWithItsFieldsAndBytes() {
    Worker reciprocal = new Worker(NEXT);
    read(10);
    driver.stepUntil("all frames", () -> reciprocal.poll() == 10);

    for (int i = 0; i < 10; i++) {
      DirectBuffer message = reciprocal.inbox.messages().get(i);
      assertThat(message.capacity()).isEqualTo(Frames.MESSAGE_LENGTH + Frames.BYTE_PAYLOAD_LENGTH);
      FrameBatchDecoder frame = decode(message);
      assertThat(frame.sequence()).isEqualTo(i);
      assertThat(frame.originNanos()).isEqualTo(originNanos(i));
      assertThat(frame.sourceId()).isEqualTo(SOURCE_ID);
      assertThat(frame.answerStreamId()).isEqualTo(norms.opened().getFirst().streamId());
      byte[] payload = new byte[Frames.BYTE_PAYLOAD_LENGTH];
      message.getBytes(Frames.MESSAGE_LENGTH, payload);
      assertThat(payload).isEqualTo(input.get(i));
    }
  }

  @Test
  void shouldSendFramesThatWereReadAtOnceInOneMessage() {
    Worker reciprocal = new Worker(NEXT);
    readAtOnce(20);
    readAtOnce(3);
    driver.stepUntil("all frames", () -> reciprocal.poll() == 23);

    assertThat(reciprocal.inbox.batchLengths()).containsExactly(16, 4, 3);
    assertThat(reciprocal.sequences()).containsExactlyElementsOf(range(0, 23));
    assertPayloads(reciprocal);
  }

  /** One of them may be what killed the one who had them. */
  @Test
  void shouldSendLostFramesAlone() {
    new Worker(LAST);
    Worker doomed = new Worker(NEXT);
    readAtOnce(16);
    driver.stepUntil("all frames", () -> doomed.poll() == 16);
    doomed.peer.kill();
    Worker next = new Worker(NEXT);
    driver.stepUntil("all frames again", () -> next.poll() == 16);

    assertThat(next.inbox.batchLengths()).hasSize(16).containsOnly(1);
    assertPayloads(next);
  }

  @Test
  void shouldEndOnlyWhenNothingIsInFlight() {
    Worker reciprocal = new Worker(NEXT);
    read(5);
    driver.stepUntil("all frames", () -> reciprocal.poll() == 5);
    assertThat(session.isDone()).isFalse();
    assertLedger(5, 0, 5, 0);

    norms.send(TestMessages.norms(SOURCE_ID, 4, 0, 2));
    driver.stepUntil("three norms", () -> stats.ledger.read().framesAcknowledged() == 3);
    assertLedger(5, 3, 2, 0);
    assertThat(session.isDone()).isFalse();

    norms.send(TestMessages.norms(SOURCE_ID, 1, 3));
    driver.stepUntil("the end", () -> session.isDone());
    assertLedger(5, 5, 0, 0);
  }

  @Test
  void shouldCountAnswersThatComeAgainAndIgnoreThoseToNothing() {
    Worker reciprocal = new Worker(NEXT);
    read(4);
    driver.stepUntil("all frames", () -> reciprocal.poll() == 4);

    norms.send(TestMessages.norms(SOURCE_ID, 2, 2, 2));
    norms.send(TestMessages.norms(SOURCE_ID, 2));
    norms.send(TestMessages.norms(SOURCE_ID, 4, 1000, Long.MAX_VALUE));
    norms.send(TestMessages.norms(SOURCE_ID + 1, 0, 1, 2, 3));
    norms.send(TestMessages.norms(SOURCE_ID));
    driver.stepUntil("every answer", () -> stats.counter(Figure.FRAMES_DUPLICATE).get() == 3);
    driver.stepFor(Duration.ofMillis(100));

    assertLedger(4, 1, 3, 0);
    assertThat(stats.counter(Figure.FRAMES_DUPLICATE).get())
        .as("frame 2, three times too often")
        .isEqualTo(3);
  }

  @Test
  void shouldCountAndSkipMalformedMessages() {
    Worker reciprocal = new Worker(NEXT);
    DirectBuffer byteFrame =
        TestMessages.byteFrame(0, 0, SOURCE_ID, 0, new byte[Frames.BYTE_PAYLOAD_LENGTH]);
    List<Malformed> malformed =
        new ArrayList<>(TestMessages.malformed(TestMessages.norms(SOURCE_ID, 0, 1, 2), byteFrame));
    malformed.add(new Malformed("a lying group", RejectReason.LENGTH, lyingNorms()));
    // A byte frame is longer than what norms are sent in.
    TestSender stranger = TestSender.connect(driver, CHANNELS.frames(), Stage.READER);
    read(malformed.size());
    driver.stepUntil("all frames", () -> reciprocal.poll() == malformed.size());
    for (int i = 0; i < malformed.size(); i++) {
      Malformed message = malformed.get(i);
      long before = stats.rejected(message.reason()).get();
      int acknowledged = i + 1;
      stranger.send(message.message());
      stranger.send(TestMessages.norms(SOURCE_ID, i));
      driver.stepUntil(
          "the norm after a message that is " + message,
          () -> stats.ledger.read().framesAcknowledged() == acknowledged);
      assertThat(stats.rejected(message.reason()).get()).as("%s", message).isEqualTo(before + 1);
    }
  }

  @Test
  void shouldRedeliverFramesOfAKilledReciprocal() {
    new Worker(LAST);
    Worker doomed = new Worker(NEXT);
    Worker survivor = new Worker(NEXT);
    awaitInboxes(2);
    read(40);
    driver.stepUntil("all frames", () -> doomed.poll() + survivor.poll() == 40);
    List<Long> unacknowledged = doomed.sequences();
    List<Long> kept = survivor.sequences();
    assertThat(unacknowledged).hasSize(20);
    norms.send(TestMessages.norms(SOURCE_ID, unacknowledged.removeFirst()));

    doomed.peer.kill();
    // The other's frames go on being acknowledged, and who was doomed may have passed some on.
    for (long sequence : kept) {
      norms.send(TestMessages.norms(SOURCE_ID, sequence));
      driver.stepFor(Duration.ofMillis(20));
    }
    assertThat(stats.ledger.read().framesRedelivered()).as("acks still come").isZero();
    driver.stepUntil("repeats", () -> stats.ledger.read().framesRedelivered() > 0);
    driver.stepFor(Duration.ofSeconds(1));
    survivor.pollAll();

    assertThat(survivor.sequences().subList(20, survivor.sequences().size()))
        .as("what went to the dead one and was not acknowledged, and nothing else")
        .containsExactlyElementsOf(unacknowledged);
    assertThat(stats.ledger.read().framesRedelivered()).isEqualTo(19);
    assertLedger(40, 21, 19, 0);
    assertPayloads(survivor);
  }

  @Test
  void shouldRedeliverNothingWhenAReciprocalLeaves() {
    Worker leaver = new Worker(NEXT);
    Worker other = new Worker(NEXT);
    awaitInboxes(2);
    read(16);
    driver.stepUntil("all sent", () -> other.poll() == 8);

    leaver.inbox.inbox().leave(driver.nanoTime());
    driver.stepUntil(
        "its end",
        () -> {
          leaver.poll();
          return leaver.inbox.inbox().isDrained(driver.nanoTime());
        });
    leaver.inbox.inbox().drained();
    leaver.peer.close();
    read(10);
    driver.stepUntil("the new frames", () -> other.poll() == 18);
    driver.stepFor(Duration.ofSeconds(1));
    other.pollAll();

    assertThat(leaver.sequences()).hasSize(8);
    assertThat(other.sequences()).hasSize(18).doesNotContainAnyElementsOf(leaver.sequences());
    assertThat(stats.ledger.read().framesRedelivered()).isZero();
  }

  @Test
  void shouldRedeliverWhatIsUnacknowledgedSomeTimeAfterANormIsLost() {
    Worker reciprocal = new Worker(NEXT);
    Worker doomed = new Worker(LAST);
    new Worker(LAST);
    read(10);
    driver.stepUntil("all frames", () -> reciprocal.poll() == 10);

    doomed.peer.kill();
    // These were still under way, by the other norm, when the one was lost.
    for (int sequence = 0; sequence < 6; sequence++) {
      driver.stepFor(Duration.ofMillis(50));
      norms.send(TestMessages.norms(SOURCE_ID, sequence));
    }
    read(5);
    driver.stepUntil("new frames", () -> reciprocal.poll() == 15);
    norms.send(TestMessages.norms(SOURCE_ID, 10, 11, 12, 13, 14));
    driver.stepUntil("repeats", () -> reciprocal.poll() == 19);
    norms.send(TestMessages.norms(SOURCE_ID, 6, 7, 8));
    assertThat(reciprocal.sequences().subList(15, 19)).containsExactlyElementsOf(range(6, 10));
    // The last of them met a reciprocal that had not noticed yet.
    driver.stepFor(Duration.ofSeconds(1));
    reciprocal.pollAll();

    assertThat(reciprocal.sequences().subList(10, 15))
        .as("sent after the loss")
        .containsExactlyElementsOf(range(10, 15));
    assertThat(reciprocal.sequences().subList(15, reciprocal.sequences().size()))
        .as("sent before the loss and unacknowledged after the settle time")
        .containsExactly(6L, 7L, 8L, 9L, 9L);
    assertThat(stats.ledger.read().framesRedelivered()).isEqualTo(5);
  }

  @Test
  void shouldWaitForANormBeforeItRedelivers() {
    Worker reciprocal = new Worker(NEXT);
    Worker doomed = new Worker(LAST);
    read(10);
    driver.stepUntil("all frames", () -> reciprocal.poll() == 10);

    doomed.peer.kill();
    driver.stepFor(Duration.ofMillis(1500));
    assertThat(stats.ledger.read().framesRedelivered()).as("the reciprocal has them").isZero();

    new Worker(LAST);
    norms.send(TestMessages.norms(SOURCE_ID, 0, 1, 2, 3, 4, 5, 6));
    driver.stepUntil("repeats", () -> stats.ledger.read().framesRedelivered() > 0);
    reciprocal.pollAll();
    assertThat(reciprocal.sequences().subList(10, reciprocal.sequences().size()))
        .containsExactlyElementsOf(range(7, 10));
  }

  @Test
  void shouldRedeliverNothingWhenANormLeaves() {
    Worker reciprocal = new Worker(NEXT);
    Worker norm = new Worker(LAST);
    read(10);
    driver.stepUntil("all frames", () -> reciprocal.poll() == 10);

    norm.inbox.inbox().leave(driver.nanoTime());
    driver.stepUntil("its end", () -> norm.inbox.inbox().isDrained(driver.nanoTime()));
    norm.inbox.inbox().drained();
    norm.peer.close();
    driver.stepFor(Duration.ofSeconds(1));
    reciprocal.pollAll();

    assertThat(reciprocal.sequences()).hasSize(10);
    assertThat(stats.ledger.read().framesRedelivered()).isZero();
  }

  @Test
  void shouldBlameAFrameForNormsThatDieOfItAtOnce() {
    Worker reciprocal = new Worker(NEXT);
    Worker first = new Worker(LAST);
    read(1);
    driver.stepUntil("the frame", () -> reciprocal.poll() == 1);
    first.peer.kill();

    // Each death takes a delivery, however long there is no norm: nothing is sent to find out.
    for (int death = 1; death < MAX_DELIVERIES; death++) {
      int deliveries = death;
      driver.stepFor(Duration.ofSeconds(10));
      assertThat(reciprocal.poll()).isEqualTo(deliveries);
      Worker norm = new Worker(LAST);
      driver.stepUntil("delivery " + death, () -> reciprocal.poll() == deliveries + 1);
      norm.peer.kill();
    }
    new Worker(LAST);
    driver.stepUntil("the end", () -> session.isDone());
    assertLedger(1, 0, 0, 1);
  }

  @Test
  void shouldRedeliverASingleFrameWhenNothingMoves() {
    Worker reciprocal = new Worker(NEXT);
    new Worker(LAST);
    read(30);
    driver.stepUntil("all frames", () -> reciprocal.poll() == 30);

    driver.stepFor(Duration.ofSeconds(1));
    reciprocal.pollAll();
    assertThat(reciprocal.sequences()).as("slowness sets off nothing").hasSize(30);

    driver.stepFor(Duration.ofMinutes(3));
    reciprocal.pollAll();
    assertThat(reciprocal.sequences().size())
        .as("now and then one, to find out")
        .isBetween(31, 125);
    assertLedger(30, 0, 30, 0);
  }

  /** It always has the fewest unread; repeats went to it, too, until they were abandoned. */
  @Test
  void shouldSendWhatAnInstanceSwallowedToAnother() {
    Worker hole = new Worker(NEXT);
    Worker worker = new Worker(NEXT);
    new Worker(LAST);
    awaitInboxes(2);
    int[] acknowledged = new int[1];
    int frameCount = 1000;
    for (int step = 0; stats.ledger.read().framesAcknowledged() < frameCount; step++) {
      assertThat(step).as("steps of a millisecond").isLessThan(60_000);
      if (input.size() < frameCount && frames.writableBytes(inputPosition()) > 0) {
        read(1);
      }
      driver.step();
      hole.poll();
      // At work all the time, so that the hole has room more often.
      List<Long> sequences = worker.poll() > acknowledged[0] ? worker.sequences() : List.of();
      for (; acknowledged[0] < sequences.size(); acknowledged[0]++) {
        norms.send(TestMessages.norms(SOURCE_ID, sequences.get(acknowledged[0])));
      }
    }
    assertLedger(frameCount, frameCount, 0, 0);
    assertThat(hole.sequences()).as("each once").doesNotHaveDuplicates().isNotEmpty();
  }

  @Test
  void shouldAbandonAFrameThatIsLostTooOften() throws IOException {
    new Worker(LAST);
    read(1);
    for (int delivery = 0; delivery < MAX_DELIVERIES; delivery++) {
      assertLedger(delivery == 0 ? 0 : 1, 0, delivery == 0 ? 0 : 1, 0);
      Worker reciprocal = new Worker(NEXT);
      driver.stepUntil("delivery " + delivery, () -> reciprocal.poll() == 1);
      reciprocal.peer.close();
      driver.stepUntil("its end", () -> driver.inboxCount(NEXT) == 0);
      driver.stepFor(Duration.ofMillis(300));
    }

    assertLedger(1, 0, 0, 1);
    assertThat(session.isDone()).isTrue();
    try (Stream<Path> files = Files.list(abandonedDirectory)) {
      assertThat(files.toList())
          .singleElement()
          .satisfies(
              file -> {
                assertThat(file).hasFileName(SOURCE_ID + "-0.frame");
                assertThat(file).hasBinaryContent(input.getFirst());
              });
    }
    norms.send(TestMessages.norms(SOURCE_ID, 0));
    driver.stepUntil("a late norm", () -> stats.counter(Figure.FRAMES_DUPLICATE).get() == 1);
    assertLedger(1, 0, 0, 1);
  }

  @Test
  void shouldHoldBackTheSourceWhileTheRingIsFull() {
    Worker reciprocal = new Worker(NEXT);
    read(WINDOW_FRAMES);
    assertThat(frames.writableBytes(inputPosition())).isZero();
    driver.stepUntil("all frames", () -> reciprocal.poll() == WINDOW_FRAMES);
    assertThat(frames.writableBytes(inputPosition())).as("sent is not done").isZero();

    norms.send(TestMessages.norms(SOURCE_ID, 1, 2, 3));
    driver.stepUntil("three norms", () -> stats.ledger.read().framesAcknowledged() == 3);
    assertThat(frames.writableBytes(inputPosition()))
        .as("the oldest is not in the way")
        .isEqualTo(3 * Frames.BYTE_PAYLOAD_LENGTH);
    read(3);
    driver.stepUntil("the next", () -> reciprocal.poll() == WINDOW_FRAMES + 3);
    assertPayloads(reciprocal);
  }

  @Test
  void shouldWaitForRoomWhileEveryReciprocalIsFull() {
    Worker reciprocal = new Worker(NEXT);
    awaitInboxes(1);
    read(WINDOW_FRAMES);
    driver.stepFor(Duration.ofSeconds(1));
    assertThat(stats.counter(Figure.BACKPRESSURE).get()).isPositive();
    assertLedger(WINDOW_FRAMES, 0, WINDOW_FRAMES, 0);

    driver.stepUntil("all frames", () -> reciprocal.poll() == WINDOW_FRAMES);
    assertThat(reciprocal.sequences()).containsExactlyElementsOf(range(0, WINDOW_FRAMES));
    assertThat(stats.ledger.read().framesRedelivered()).isZero();
  }

  @Test
  void shouldSendEverythingUnacknowledgedAgainInTheNextSession() {
    Worker reciprocal = new Worker(NEXT);
    read(10);
    driver.stepUntil("all frames", () -> reciprocal.poll() == 10);
    norms.send(TestMessages.norms(SOURCE_ID, 3));
    driver.stepUntil("the norm", () -> stats.ledger.read().framesAcknowledged() == 1);

    session.close();
    assertLedger(10, 1, 9, 0);
    assertThat(frames.nextToSend()).isZero();
  }

  /** A reciprocal or a norm. */
  private final class Worker {
    final SteppedDriver.Peer peer = driver.startPeer();
    final RecordingInbox inbox;

    Worker(Stage stage) {
      inbox = RecordingInbox.open(peer.connection(), CHANNELS.frames(), stage, 1);
      // The reader is to know it, not to find it during the test.
      driver.stepFor(Duration.ofMillis(100));
    }

    /** Takes a few frames; returns how many it has by now. */
    int poll() {
      inbox.poll(2);
      return inbox.messages().size();
    }

    void pollAll() {
      // More often than there are frames: a poll may find nothing but the padding at a term's end.
      for (int i = 0; i < 2 * WINDOW_FRAMES; i++) {
        inbox.poll(2);
        driver.step();
      }
    }

    List<Long> sequences() {
      return new ArrayList<>(
          inbox.messages().stream().map(message -> decode(message).sequence()).toList());
    }
  }

  private void awaitInboxes(int count) {
    driver.stepUntil("inboxes", () -> stats.counter(Figure.DOWNSTREAM_INSTANCES).get() == count);
  }

  /** As the source does: writes frames into the ring and publishes them. */
  private void read(int count) {
    for (int i = 0; i < count; i++) {
      readAtOnce(1);
    }
  }

  private void readAtOnce(int count) {
    long originNanos = originNanos(input.size() + count - 1);
    for (int i = 0; i < count; i++) {
      byte[] payload = new byte[Frames.BYTE_PAYLOAD_LENGTH];
      random.nextBytes(payload);
      assertThat(frames.writableBytes(inputPosition())).isPositive();
      frames.writable(inputPosition(), payload.length).put(payload);
      input.add(payload);
      frames.publish(inputPosition(), originNanos);
    }
  }

  private long inputPosition() {
    return (long) input.size() * Frames.BYTE_PAYLOAD_LENGTH;
  }

  private static long originNanos(int sequence) {
    return 1_000_000L + sequence;
  }

  private void assertLedger(long read, long acknowledged, long inFlight, long abandoned) {
    Ledger.Entry ledger = stats.ledger.read();
    assertThat(ledger)
        .isEqualTo(
            new Ledger.Entry(
                read, acknowledged, inFlight, abandoned, 0, ledger.framesRedelivered()));
  }

  private void assertPayloads(Worker worker) {
    for (DirectBuffer message : worker.inbox.messages()) {
      byte[] payload = new byte[Frames.BYTE_PAYLOAD_LENGTH];
      message.getBytes(Frames.MESSAGE_LENGTH, payload);
      long sequence = decode(message).sequence();
      assertThat(payload).as("frame %d", sequence).isEqualTo(input.get((int) sequence));
    }
  }

  /** Says that four sequences follow, while there are three. */
  private static DirectBuffer lyingNorms() {
    MutableDirectBuffer norms = (MutableDirectBuffer) TestMessages.norms(SOURCE_ID, 0, 1, 2);
    norms.putShort(14, (short) 4, ByteOrder.LITTLE_ENDIAN);
    return norms;
  }

  private static FrameBatchDecoder decode(DirectBuffer message) {
    return new FrameBatchDecoder().wrapAndApplyHeader(message, 0, new MessageHeaderDecoder());
  }

  private static List<Long> range(long from, long to) {
    return LongStream.range(from, to).boxed().toList();
  }
}
