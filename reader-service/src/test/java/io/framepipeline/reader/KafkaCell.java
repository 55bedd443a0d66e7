package io.framepipeline.reader;

import io.framepipeline.common.config.ExitCode;
import io.framepipeline.common.config.Settings;
import io.framepipeline.common.metrics.StageStats;
import io.framepipeline.common.transport.FrameSlots;
import io.framepipeline.common.wire.Frames;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.Properties;
import java.util.Random;
import java.util.concurrent.atomic.AtomicInteger;
import org.agrona.concurrent.IdleStrategy;

/** A reader of {@link SimulatedKafka} without its threads. Tests say what happens when. */
final class KafkaCell {
  static final int WINDOW_FRAMES = 16;

  private static final int MAX_DELIVERIES = 5;
  private static final long INBOX = 1;

  private static final KafkaSettings KAFKA =
      KafkaSettings.read(
          new Settings(Map.of("KAFKA_BOOTSTRAP_SERVERS", "localhost:9092"), new Properties()));

  /** Shared, so that it warns but once in a while. */
  private static final KafkaFailures FAILURES =
      new KafkaFailures(KAFKA, "simulated", ExitCode.OUTPUT);

  final SimulatedKafka.Member member;
  final KafkaReader reader;
  final RetainedFrames frames;

  /** How often the reader's thread has paused. */
  final AtomicInteger pauses = new AtomicInteger();

  private final FrameSlots slots = FrameSlots.inMemory(WINDOW_FRAMES, Frames.BYTE_PAYLOAD_LENGTH);
  private final List<Long> unanswered = new ArrayList<>();
  private final Random random;

  KafkaCell(SimulatedKafka kafka, int number, OptionalLong frameLimit, StageStats stats) {
    ReaderMemory memory = ReaderMemory.ofProcess();
    NormRing norms = new NormRing(memory);
    KafkaMeters meters = new KafkaMeters();
    random = new Random(number);
    member = kafka.new Member("reader-" + number);
    frames =
        new RetainedFrames(
            memory, slots, MAX_DELIVERIES, (sequence, buffer, offset, length) -> {}, norms);
    reader =
        new KafkaReader(settings(frameLimit), number, frames, norms, new Pauses(), stats, meters);
    reader.join(
        member,
        new KafkaTransactions(
            () -> kafka.new TransactionalProducer(member),
            () -> kafka.positions(member),
            FAILURES,
            meters),
        SimulatedKafka.RESULTS_PARTITIONS);
  }

  private static ReaderSettings settings(OptionalLong frameLimit) {
    return new ReaderSettings(
        new Source("kafka:" + SimulatedKafka.SOURCE),
        false,
        frameLimit,
        OptionalLong.empty(),
        WINDOW_FRAMES,
        PartialFrame.REFUSE,
        MAX_DELIVERIES,
        null,
        new ResultsTarget("kafka:" + SimulatedKafka.RESULTS),
        KAFKA);
  }

  /** Sends all frames that are read. */
  void send() {
    frames.takeOver();
    for (long next = frames.nextToSend(); next >= 0; next = frames.nextToSend()) {
      frames.sent(next, INBOX, 0);
      unanswered.add(next);
    }
  }

  /** Answers some of the frames sent, in any order. Their norm is in their first bytes. */
  void answer(int limit) {
    for (int i = 0; i < limit && !unanswered.isEmpty(); i++) {
      answerOne(random.nextInt(unanswered.size()));
    }
  }

  /** Answers the frame that was read first. */
  void answerFirst() {
    answerOne(0);
  }

  private void answerOne(int index) {
    long sequence = unanswered.remove(index);
    int offset = slots.offset(frames.payloadNumber(sequence));
    frames.answered(sequence, slots.buffer().getDouble(offset, ByteOrder.BIG_ENDIAN));
  }

  /** Completes what is committed, and checks that no frame is counted twice or not at all. */
  void checkLedger() {
    frames.closeFrames();
    long sum = frames.acknowledged() + frames.inFlight() + frames.abandoned() + frames.returned();
    if (frames.read() != sum) {
      throw new AssertionError(
          "%s: %s read, but %s acknowledged, %s in flight, %s abandoned, %s returned"
              .formatted(
                  member,
                  frames.read(),
                  frames.acknowledged(),
                  frames.inFlight(),
                  frames.abandoned(),
                  frames.returned()));
    }
  }

  /** Counts pauses instead of making them. */
  private final class Pauses implements IdleStrategy {
    @Override
    public void idle(int workCount) {
      idle();
    }

    @Override
    public void idle() {
      pauses.incrementAndGet();
    }

    @Override
    public void reset() {}
  }
}
