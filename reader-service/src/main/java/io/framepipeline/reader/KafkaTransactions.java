package io.framepipeline.reader;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
import java.util.function.Supplier;
import org.apache.kafka.clients.consumer.ConsumerGroupMetadata;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.RecordTooLargeException;

/**
 * Commits records and a group's positions together: both are seen, or neither. For one thread.
 *
 * <p>A transaction begins when all that it contains is there. So it is open for a moment only, and
 * a reader that stalls cannot hold back those who read the results.
 *
 * <p>If a broker fails during a commit, its outcome is not known. Then a new producer with the same
 * id ends the old transaction one way or the other, and the group's positions tell which way.
 */
final class KafkaTransactions implements AutoCloseable {
  /** How a transaction ended. */
  enum Outcome {
    COMMITTED,
    /** Nothing of the transaction will be seen. */
    ABORTED,
    /** Not known yet: {@link #resolve} asks. */
    IN_DOUBT
  }

  private final Supplier<Producer<byte[], byte[]>> producers;
  private final Supplier<Map<TopicPartition, OffsetAndMetadata>> committed;
  private final KafkaFailures failures;
  private final KafkaMeters meters;

  /** Null until Kafka has ended what an earlier producer with this id had begun. */
  private Producer<byte[], byte[]> producer;

  /** The positions of the transaction in doubt. */
  private Map<TopicPartition, OffsetAndMetadata> inDoubt = Map.of();

  private boolean wasTooLarge;

  /**
   * @param producers makes producers that all have the same transactional id
   * @param committed asks for the positions that the group has committed, once no transaction is
   *     about to change them; null if there was no answer
   */
  KafkaTransactions(
      Supplier<Producer<byte[], byte[]>> producers,
      Supplier<Map<TopicPartition, OffsetAndMetadata>> committed,
      KafkaFailures failures,
      KafkaMeters meters) {
    this.producers = producers;
    this.committed = committed;
    this.failures = failures;
    this.meters = meters;
  }

  /**
   * Commits records and positions in one transaction.
   *
   * @param member that may commit these positions; Kafka refuses one that left the group since
   */
  @SuppressWarnings("FutureReturnValueIgnored") // commitTransaction waits for them, and may fail
  Outcome commit(
      List<ProducerRecord<byte[], byte[]>> records,
      Map<TopicPartition, OffsetAndMetadata> positions,
      ConsumerGroupMetadata member) {
    wasTooLarge = false;
    if (!isOpen()) {
      return Outcome.ABORTED;
    }
    try {
      producer.beginTransaction();
      records.forEach(producer::send);
      producer.sendOffsetsToTransaction(positions, member);
      producer.commitTransaction();
      return Outcome.COMMITTED;
    } catch (KafkaException e) {
      wasTooLarge = KafkaFailures.cause(e) instanceof RecordTooLargeException;
      failures.check(e);
      return abort(positions);
    }
  }

  /**
   * The positions that the group has committed, once no earlier producer with this id can change
   * them.
   *
   * @return null if there is no answer now
   */
  Map<TopicPartition, OffsetAndMetadata> committed() {
    return isOpen() ? committed.get() : null;
  }

  /** Whether the last commit failed since a record is larger than its topic takes. */
  boolean wasTooLarge() {
    return wasTooLarge;
  }

  /**
   * Finds out how the transaction in doubt ended.
   *
   * @param isOwned whether a partition has belonged to this member ever since, so that no other one
   *     can have moved its position
   */
  Outcome resolve(Predicate<TopicPartition> isOwned) {
    Map<TopicPartition, OffsetAndMetadata> positions = committed();
    if (positions == null) {
      return Outcome.IN_DOUBT;
    }
    boolean isCommitted =
        inDoubt.entrySet().stream()
            .filter(entry -> isOwned.test(entry.getKey()))
            .allMatch(entry -> isSame(entry.getValue(), positions.get(entry.getKey())));
    inDoubt = Map.of();
    return isCommitted ? Outcome.COMMITTED : Outcome.ABORTED;
  }

  @Override
  public void close() {
    if (producer != null) {
      meters.forget(producer);
      producer.close(Duration.ZERO);
      producer = null;
    }
  }

  /** Kafka ends what an earlier producer with this id had begun before it opens a new one. */
  private boolean isOpen() {
    if (producer != null) {
      return true;
    }
    Producer<byte[], byte[]> opening = null;
    try {
      opening = producers.get();
      opening.initTransactions();
      producer = opening;
      meters.watch(producer);
      return true;
    } catch (KafkaException e) {
      if (opening != null) {
        opening.close(Duration.ZERO);
      }
      failures.check(e);
      return false;
    }
  }

  private Outcome abort(Map<TopicPartition, OffsetAndMetadata> positions) {
    try {
      producer.abortTransaction();
      return Outcome.ABORTED;
    } catch (KafkaException | IllegalStateException e) {
      // Fenced, or the commit was under way: both need a new producer.
      close();
      inDoubt = positions;
      return Outcome.IN_DOUBT;
    }
  }

  private static boolean isSame(OffsetAndMetadata position, OffsetAndMetadata other) {
    return other != null
        && position.offset() == other.offset()
        && position.metadata().equals(other.metadata());
  }
}
