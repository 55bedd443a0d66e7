package io.framepipeline.reader;

import io.framepipeline.reader.KafkaTransactions.Outcome;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.agrona.concurrent.status.AtomicCounter;
import org.apache.kafka.clients.consumer.ConsumerGroupMetadata;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;

/**
 * What a reader of Kafka has begun and not committed, in the order of sequences. Commits what is
 * completed: results, rejected records and positions in one transaction. Frames whose partition was
 * lost meanwhile go back. For one thread.
 */
final class KafkaCommits {
  /** A bound for the heap: rejected records are kept until the transaction in which they go. */
  private static final int MAX_REJECTED_LENGTH = 4 << 20;

  /** Room for the key and the headers, beside the value of a rejected record. */
  private static final int MAX_REJECTED_VALUE = (1 << 20) - (1 << 14);

  private final String rejectedTopic;
  private final String resultsTopic;
  private final int resultsPartitions;
  private final NormRing norms;
  private final KafkaTransactions transactions;
  private final AtomicCounter recordsRejected;
  private final ArrayDeque<FetchedRecord> uncommitted = new ArrayDeque<>();
  private int maxRejectedValue = MAX_REJECTED_VALUE;
  private int rejectedLength;

  /** Frames before this one are committed, or went back. */
  private long committed;

  /** The transaction in doubt; null if there is none. */
  private Attempt attempt;

  /**
   * @param rejectedTopic gets the records that hold no whole frames
   * @param resultsTopic gets the norms; null if they go elsewhere or nowhere
   * @param norms of the frames; null like the topic
   */
  KafkaCommits(
      String rejectedTopic,
      String resultsTopic,
      int resultsPartitions,
      NormRing norms,
      KafkaTransactions transactions,
      AtomicCounter recordsRejected) {
    this.rejectedTopic = rejectedTopic;
    this.resultsTopic = resultsTopic;
    this.resultsPartitions = resultsPartitions;
    this.norms = norms;
    this.transactions = transactions;
    this.recordsRejected = recordsRejected;
  }

  /** Whether more records may be begun: rejected ones take memory until they are committed. */
  boolean hasRoom() {
    return rejectedLength < MAX_REJECTED_LENGTH;
  }

  /** Takes a record whose first frame gets this sequence. Returns false if it was taken before. */
  boolean begin(FetchedRecord record, long sequence) {
    if (uncommitted.peekLast() == record) {
      return false;
    }
    record.begin(sequence);
    uncommitted.add(record);
    if (record.isRejected()) {
      rejectedLength += record.heapLength();
    }
    return true;
  }

  /**
   * Commits what is completed, if this reader still may.
   *
   * @param end frames before this one are completed
   * @param member as it is in the group now, after the last poll or inside one
   */
  void commit(long end, ConsumerGroupMetadata member) {
    if (attempt != null) {
      conclude(transactions.resolve(attempt::isOwned));
    }
    if (attempt == null) {
      attempt = nextAttempt(end);
      conclude(
          attempt.positions.isEmpty()
              ? Outcome.COMMITTED
              : transactions.commit(attempt.output, attempt.positions, member));
    }
  }

  private Attempt nextAttempt(long end) {
    Attempt next = new Attempt(end);
    for (FetchedRecord record : uncommitted) {
      long recordEnd = Math.min(end, record.endSequence());
      if (record.isOwned()
          && (record.isRejected() || recordEnd > Math.max(committed, record.firstSequence()))) {
        next.put(record.partition(), record.position(recordEnd));
        addOutput(record, recordEnd, next.output);
      }
      if (record.endSequence() > end || (record.isOwned() && !record.isCopied())) {
        break;
      }
      next.records++;
    }
    return next;
  }

  private void addOutput(
      FetchedRecord record, long recordEnd, List<ProducerRecord<byte[], byte[]>> output) {
    if (record.isRejected()) {
      output.add(record.rejection(rejectedTopic, maxRejectedValue));
    } else if (norms != null) {
      int partition = record.partition().name.partition() % resultsPartitions;
      for (long sequence = Math.max(committed, record.firstSequence());
          sequence < recordEnd;
          sequence++) {
        output.add(
            new ProducerRecord<>(
                resultsTopic,
                partition,
                KafkaOutput.bytes(record.key(sequence)),
                KafkaOutput.bytes(Double.toString(norms.norm(sequence)))));
      }
    }
  }

  private void conclude(Outcome outcome) {
    switch (outcome) {
      case IN_DOUBT -> {}
      case ABORTED -> {
        attempt = null;
        if (transactions.wasTooLarge()) {
          maxRejectedValue /= 2;
        }
      }
      case COMMITTED -> {
        for (; attempt.records > 0; attempt.records--) {
          finish(uncommitted.remove());
        }
        if (!uncommitted.isEmpty()) {
          markReturned(uncommitted.peek(), attempt.end);
        }
        close(attempt.end);
        attempt = null;
      }
    }
  }

  private void finish(FetchedRecord record) {
    markReturned(record, record.endSequence());
    if (record.isRejected()) {
      rejectedLength -= record.heapLength();
      if (record.isOwned()) {
        recordsRejected.incrementRelease();
      }
    }
  }

  private void markReturned(FetchedRecord record, long end) {
    if (norms != null) {
      for (long sequence = Math.max(committed, record.firstSequence());
          sequence < Math.min(end, record.endSequence());
          sequence++) {
        norms.returned(sequence, !record.isOwned());
      }
    }
  }

  /** Gives back all frames before this one that are not committed. */
  void giveBack(long end) {
    for (long sequence = committed; sequence < end; sequence++) {
      norms.returned(sequence, true);
    }
    close(end);
  }

  private void close(long end) {
    committed = end;
    if (norms != null) {
      norms.written(end);
    }
  }

  /** A transaction: what goes in, and what is over once it is committed. */
  private static final class Attempt {
    final List<ProducerRecord<byte[], byte[]>> output = new ArrayList<>();
    final Map<TopicPartition, OffsetAndMetadata> positions = new HashMap<>();

    /** Frames before this one. */
    final long end;

    /** How many of the first records that are not committed. */
    int records;

    private final Map<TopicPartition, KafkaPartition> partitions = new HashMap<>();

    Attempt(long end) {
      this.end = end;
    }

    void put(KafkaPartition partition, OffsetAndMetadata position) {
      partitions.put(partition.name, partition);
      positions.put(partition.name, position);
    }

    /** Whether this reader has owned the partition ever since. */
    boolean isOwned(TopicPartition name) {
      return partitions.get(name).isOwned();
    }
  }
}
