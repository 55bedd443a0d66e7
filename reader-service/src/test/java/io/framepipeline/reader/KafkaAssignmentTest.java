package io.framepipeline.reader;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.MockConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.TimeoutException;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class KafkaAssignmentTest {
  private static final TopicPartition FIRST = new TopicPartition("frames", 0);
  private static final TopicPartition SECOND = new TopicPartition("frames", 1);

  private final TestConsumer consumer = new TestConsumer();
  private final List<Integer> ownedBeforeRevocations = new ArrayList<>();
  private final KafkaAssignment assignment = new KafkaAssignment(consumer, this::beforeRevocation);

  @BeforeEach
  void subscribe() {
    consumer.subscribe(List.of("frames"), assignment);
    consumer.updateBeginningOffsets(Map.of(FIRST, 3L, SECOND, 4L));
  }

  @Test
  void shouldFetchNothingUntilTheCommittedPositionIsKnown() {
    consumer.isSilent = true;
    consumer.rebalance(List.of(FIRST));
    assertThat(assignment.size()).isEqualTo(1);

    assignment.place();
    assertThat(consumer.paused()).containsExactly(FIRST);
    assertThat(assignment.owned(FIRST).isPlaced()).isFalse();

    consumer.isSilent = false;
    consumer.commitSync(Map.of(FIRST, new OffsetAndMetadata(20)));
    assignment.place();
    assertThat(consumer.paused()).isEmpty();
    assertThat(consumer.position(FIRST)).isEqualTo(20);
    assertThat(assignment.owned(FIRST).isPlaced()).isTrue();
  }

  @Test
  void shouldBeginWithTheFirstRecordWhereNothingIsCommitted() {
    consumer.rebalance(List.of(FIRST));

    assignment.place();

    assertThat(consumer.position(FIRST)).isEqualTo(3);
    assertThat(assignment.owned(FIRST).framesToSkip(3)).isZero();
  }

  @Test
  void shouldKnowHowManyFramesOfTheFirstRecordAreCompleted() {
    consumer.rebalance(List.of(FIRST));
    consumer.commitSync(Map.of(FIRST, KafkaAssignment.inside(20, 7)));

    assignment.place();

    KafkaPartition partition = assignment.owned(FIRST);
    assertThat(partition.framesToSkip(20)).isEqualTo(7);
    assertThat(partition.framesToSkip(21)).isZero();
  }

  /** Other tools move positions, too. */
  @ParameterizedTest
  @ValueSource(strings = {"", "-1", "1.5", "9999999999", "moved by hand", " 2"})
  void shouldTakeAllFramesIfTheMetadataIsNotItsOwn(String metadata) {
    consumer.rebalance(List.of(FIRST));
    consumer.commitSync(Map.of(FIRST, new OffsetAndMetadata(20, metadata)));

    assignment.place();

    assertThat(consumer.position(FIRST)).isEqualTo(20);
    assertThat(assignment.owned(FIRST).framesToSkip(20)).isZero();
  }

  @Test
  void shouldPauseAndResumeAllPartitions() {
    consumer.rebalance(List.of(FIRST, SECOND));
    assignment.place();

    assignment.pause();
    assertThat(consumer.paused()).containsExactlyInAnyOrder(FIRST, SECOND);
    assignment.resume();
    assertThat(consumer.paused()).isEmpty();
  }

  @Test
  void shouldNotFetchFromPartitionsThatComeWhileItIsPaused() {
    consumer.rebalance(List.of(FIRST));
    assignment.place();
    assignment.pause();

    consumer.rebalance(List.of(FIRST, SECOND));
    assignment.place();
    assertThat(consumer.paused()).containsExactlyInAnyOrder(FIRST, SECOND);

    assignment.resume();
    assertThat(consumer.paused()).isEmpty();
  }

  @Test
  void shouldNotResumeAPartitionWhosePositionIsNotKnown() {
    consumer.rebalance(List.of(FIRST));
    assignment.place();
    assignment.pause();
    consumer.isSilent = true;
    consumer.rebalance(List.of(FIRST, SECOND));
    assignment.place();

    assignment.resume();

    assertThat(consumer.paused()).containsExactly(SECOND);
  }

  @Test
  void shouldCommitBeforeItGivesPartitionsBack() {
    consumer.rebalance(List.of(FIRST, SECOND));
    KafkaPartition first = assignment.owned(FIRST);
    KafkaPartition second = assignment.owned(SECOND);

    consumer.rebalance(List.of(SECOND));

    assertThat(ownedBeforeRevocations).containsExactly(2);
    assertThat(assignment.owned(FIRST)).isNull();
    assertThat(first.isOwned()).isFalse();
    assertThat(assignment.owned(SECOND)).isSameAs(second);
    assertThat(second.isOwned()).isTrue();
  }

  @Test
  void shouldCommitNothingOfPartitionsThatAreLost() {
    consumer.rebalance(List.of(FIRST, SECOND));
    KafkaPartition first = assignment.owned(FIRST);

    assignment.onPartitionsLost(List.of(FIRST));

    assertThat(ownedBeforeRevocations).isEmpty();
    assertThat(first.isOwned()).isFalse();
    assertThat(assignment.owned(FIRST)).isNull();
    assertThat(assignment.size()).isEqualTo(1);
  }

  /** What was fetched before is not this reader's any more. */
  @Test
  void shouldTellAPartitionThatComesBackFromItself() {
    consumer.rebalance(List.of(FIRST));
    KafkaPartition before = assignment.owned(FIRST);
    consumer.rebalance(List.of());

    consumer.rebalance(List.of(FIRST));

    assertThat(assignment.owned(FIRST).isOwned()).isTrue();
    assertThat(assignment.owned(FIRST).isPlaced()).isFalse();
    assertThat(before.isOwned()).isFalse();
  }

  @Test
  void shouldFetchFromTheCommittedPositionOn() {
    consumer.rebalance(List.of(FIRST));
    consumer.commitSync(Map.of(FIRST, new OffsetAndMetadata(20)));
    for (long offset = 18; offset < 22; offset++) {
      consumer.addRecord(new ConsumerRecord<>("frames", 0, offset, null, null));
    }
    assertThat(consumer.poll(Duration.ZERO)).isEmpty();

    assignment.place();

    assertThat(consumer.poll(Duration.ZERO))
        .extracting(ConsumerRecord::offset)
        .containsExactly(20L, 21L);
  }

  private void beforeRevocation() {
    ownedBeforeRevocations.add(assignment.size());
  }

  private static final class TestConsumer extends MockConsumer<byte[], ByteBuffer> {
    boolean isSilent;

    TestConsumer() {
      super("none");
    }

    @Override
    public synchronized Map<TopicPartition, OffsetAndMetadata> committed(
        Set<TopicPartition> partitions, Duration timeout) {
      if (isSilent) {
        throw new TimeoutException("a transaction is open");
      }
      Map<TopicPartition, OffsetAndMetadata> positions = new HashMap<>();
      // The real one answers null where nothing is committed.
      partitions.forEach(name -> positions.put(name, null));
      positions.putAll(super.committed(partitions, timeout));
      return positions;
    }
  }
}
