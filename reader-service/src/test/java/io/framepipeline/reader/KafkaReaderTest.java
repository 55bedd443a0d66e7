package io.framepipeline.reader;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.framepipeline.common.config.ExitException;
import io.framepipeline.common.metrics.Figure;
import io.framepipeline.common.metrics.StageStats;
import java.util.ArrayList;
import java.util.Map;
import java.util.OptionalLong;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import org.apache.kafka.clients.consumer.OffsetOutOfRangeException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.TimeoutException;
import org.apache.kafka.common.errors.WakeupException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What {@link KafkaReaderModelTest} meets too seldom. */
@Timeout(60)
class KafkaReaderTest {
  private static final long STEP_NANOS = TimeUnit.MILLISECONDS.toNanos(110);
  private static final int MAX_STEPS = 100;
  private static final TopicPartition PARTITION = new TopicPartition(SimulatedKafka.SOURCE, 0);

  private final StageStats stats = StageStats.inMemory();
  private final SimulatedKafka kafka = new SimulatedKafka(new Random(0), new ArrayList<>(), 0);
  private final KafkaCell cell = cell(0, OptionalLong.empty());
  private long nowNanos = System.nanoTime();

  @Test
  void shouldCommitWhatItHasNormsOf() {
    kafka.add(0, 5, 3);
    kafka.add(1, 0, 0);
    kafka.assign(0, cell.member);
    kafka.assign(1, cell.member);

    stepUntil(cell, kafka::isAllCommitted);

    cell.checkLedger();
    assertThat(cell.frames.acknowledged()).isEqualTo(3);
    assertThat(cell.frames.inFlight()).isZero();
    assertThat(stats.counter(Figure.RECORDS_REJECTED).get()).isEqualTo(1);
  }

  /**
   * A commit is in doubt, and was aborted. Another reader commits the same of a partition, which
   * then comes back: the position there does not say that the commit succeeded.
   */
  @Test
  void shouldNotTakeThePositionOfAnotherReaderForItsOwn() {
    KafkaCell other = cell(1, OptionalLong.empty());
    openProducer();
    kafka.add(0, 0, 1);
    kafka.add(1, 0, 1);
    kafka.assign(0, cell.member);
    kafka.assign(1, cell.member);
    stepUntil(cell, () -> cell.frames.read() == 3, 0);

    kafka.cutOff(cell.member, true);
    stepUntil(cell, kafka::wasInDoubt);
    kafka.endUndecided(cell.member, false);
    kafka.revoke(0);
    step(cell, 0);
    kafka.assign(0, other.member);
    stepUntil(other, () -> kafka.completed(0) == 1);
    kafka.revoke(0);
    step(other, 0);
    kafka.assign(0, cell.member);
    step(cell, 0);
    kafka.cutOff(cell.member, false);

    stepUntil(cell, kafka::isAllCommitted);
    step(cell, 0);
    cell.checkLedger();
    assertThat(cell.frames.acknowledged()).isEqualTo(2);
    assertThat(cell.frames.returned()).isEqualTo(1);
  }

  /** The first frame is completed, the second's partition stays where it was. */
  @Test
  void shouldNotTakeAPositionThatDidNotMoveForItsCommit() {
    KafkaCell earlier = cell(1, OptionalLong.of(1));
    kafka.add(0, 0, 1);
    kafka.add(1, 0, 2);
    kafka.assign(1, earlier.member);
    stepUntil(earlier, () -> kafka.completed(1) == 1);
    earlier.member.leave();
    openProducer();
    kafka.assign(0, cell.member);
    stepUntil(cell, () -> cell.frames.read() == 2, 0);
    kafka.assign(1, cell.member);
    stepUntil(cell, () -> cell.frames.read() == 3, 0);

    kafka.cutOff(cell.member, true);
    cell.answerFirst();
    stepUntil(cell, kafka::wasInDoubt, 0);
    kafka.endUndecided(cell.member, false);
    kafka.cutOff(cell.member, false);

    stepUntil(cell, kafka::isAllCommitted);
  }

  @Test
  void shouldEndInsideARecordAtTheFrameLimit() {
    KafkaCell limited = cell(1, OptionalLong.of(4));
    kafka.add(0, 0, 3);
    kafka.add(0, 1, 3);
    kafka.assign(0, limited.member);

    stepUntil(limited, () -> kafka.completed(0) == 4);

    assertThat(limited.reader.isFinished()).isTrue();
    assertThat(limited.frames.read()).isEqualTo(4);
    limited.member.leave();
    kafka.assign(0, cell.member);
    stepUntil(cell, kafka::isAllCommitted);
    assertThat(cell.frames.read()).isEqualTo(2);
  }

  @Test
  void shouldReadNothingAfterAStopButCommitWhatItHasRead() {
    kafka.add(0, 0, 2);
    kafka.assign(0, cell.member);
    stepUntil(cell, () -> cell.frames.read() == 2, 0);

    cell.reader.stop();
    kafka.add(0, 1, 1);
    stepUntil(cell, () -> kafka.completed(0) == 2);
    for (int i = 0; i < MAX_STEPS; i++) {
      step(cell, 1);
    }

    assertThat(kafka.completed(0)).isEqualTo(2);
    assertThat(cell.reader.isFinished()).isFalse();
    assertThat(cell.frames.read()).isEqualTo(2);
  }

  @Test
  void shouldReturnWhatItLost() {
    kafka.add(0, 0, 2);
    kafka.assign(0, cell.member);
    stepUntil(cell, () -> cell.frames.read() == 2, 0);
    kafka.expel(cell.member);
    stepUntil(cell, () -> cell.frames.inFlight() == 0);

    assertThat(cell.frames.returned()).isEqualTo(2);
    assertThat(cell.frames.acknowledged()).isZero();
    assertThat(kafka.completed(0)).isZero();
  }

  /** They take memory until Kafka has them. */
  @Test
  void shouldFetchNoMoreWhileTheKeysOfRejectedRecordsFillTheBound() {
    openProducer();
    kafka.cutOff(cell.member, true);
    for (int offset = 1; offset <= 20; offset++) {
      kafka.addTombstone(2, offset, new byte[1 << 20]);
    }
    stepUntil(cell, () -> !cell.member.paused().isEmpty());

    for (int i = 0; i < MAX_STEPS; i++) {
      step(cell, 0);
      assertThat(cell.member.paused()).isNotEmpty();
    }

    kafka.cutOff(cell.member, false);
    stepUntil(cell, kafka::isAllCommitted);
    assertThat(stats.counter(Figure.RECORDS_REJECTED).get()).isEqualTo(20);
  }

  /** Nothing that was fetched is left to copy, and the next commit is some time off. */
  @Test
  void shouldPauseWhileRejectedRecordsFillTheBound() {
    openProducer();
    kafka.cutOff(cell.member, true);
    kafka.addTombstone(2, 1, new byte[4 << 20]);
    stepUntil(cell, () -> !cell.member.paused().isEmpty());

    int before = cell.pauses.get();
    cell.reader.step(nowNanos);

    assertThat(cell.pauses).hasValue(before + 1);
  }

  @Test
  void shouldSayHowManyRecordsAreGone() {
    cell.member.failPoll(outOfRange());
    cell.member.updateBeginningOffsets(Map.of(PARTITION, 12L));

    ExitException failure = catchThrowableOfType(ExitException.class, () -> step(cell, 0));

    assertThat(failure)
        .hasMessageContaining(
            "7 records between the committed positions {frames-0=5} and the first ones")
        .hasMessageContaining("--reset-offsets");
    assertThat(failure.exitCode()).isEqualTo(66);
  }

  /** The brokers do not say how many there are. */
  @Test
  void shouldSayThatRecordsAreGoneEvenWithoutAnAnswer() {
    cell.member.failPoll(outOfRange());
    cell.member.setOffsetsException(new TimeoutException("no answer"));

    ExitException failure = catchThrowableOfType(ExitException.class, () -> step(cell, 0));

    assertThat(failure)
        .hasMessageContaining("records from the committed positions {frames-0=5} on are gone")
        .hasMessageContaining("--reset-offsets");
    assertThat(failure.exitCode()).isEqualTo(66);
  }

  @Test
  void shouldEndInOrderIfItIsStoppedWhileItAsksHowManyRecordsAreGone() {
    kafka.add(0, 0, 2);
    kafka.assign(0, cell.member);
    stepUntil(cell, () -> cell.frames.read() == 2, 0);

    cell.member.failPoll(outOfRange());
    cell.member.setOffsetsException(new WakeupException());
    cell.reader.stop();
    stepUntil(cell, () -> kafka.completed(0) == 2);

    assertThat(cell.reader.failure()).isNull();
  }

  private static OffsetOutOfRangeException outOfRange() {
    return new OffsetOutOfRangeException(Map.of(PARTITION, 5L));
  }

  /** The first commit opens it. */
  private void openProducer() {
    kafka.add(2, 0, 1);
    kafka.assign(2, cell.member);
    stepUntil(cell, () -> kafka.completed(2) == 1);
  }

  private KafkaCell cell(int number, OptionalLong frameLimit) {
    return new KafkaCell(kafka, number, frameLimit, stats);
  }

  private void stepUntil(KafkaCell stepping, BooleanSupplier condition) {
    stepUntil(stepping, condition, Integer.MAX_VALUE);
  }

  /** Answers some frames at each step. */
  private void stepUntil(KafkaCell stepping, BooleanSupplier condition, int answers) {
    for (int i = 0; !condition.getAsBoolean(); i++) {
      assertThat(i).as("steps: %s", kafka).isLessThan(MAX_STEPS);
      step(stepping, answers);
    }
  }

  private void step(KafkaCell stepping, int answers) {
    nowNanos += STEP_NANOS;
    stepping.reader.step(nowNanos);
    stepping.send();
    stepping.answer(answers);
    stepping.checkLedger();
  }
}
