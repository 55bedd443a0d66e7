package io.framepipeline.reader;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CancellationException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.DescribeTopicsOptions;
import org.apache.kafka.clients.admin.ListConsumerGroupOffsetsOptions;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.UnknownTopicOrPartitionException;

/** Asks Kafka about topics and the positions of groups. For one thread. */
final class KafkaTopics implements AutoCloseable {
  private static final int ANSWER_TIMEOUT_MILLIS = 5_000;
  private static final long PAUSE_NANOS = 200_000_000;

  private final KafkaSettings settings;

  /** Null before a broker's name was resolved. */
  private Admin admin;

  KafkaTopics(KafkaSettings settings) {
    this.settings = settings;
  }

  /**
   * How many partitions a topic has. Waits for a broker that can be reached.
   *
   * @param failures ends the reader if there is no such topic
   * @throws CancellationException if stopped while it waits
   */
  int partitions(String topic, KafkaFailures failures, BooleanSupplier isStopped) {
    while (!isStopped.getAsBoolean()) {
      try {
        return admin()
            .describeTopics(
                List.of(topic), new DescribeTopicsOptions().timeoutMs(ANSWER_TIMEOUT_MILLIS))
            .topicNameValues()
            .get(topic)
            .get()
            .partitions()
            .size();
      } catch (ExecutionException | KafkaException e) {
        if (KafkaFailures.cause(e) instanceof UnknownTopicOrPartitionException) {
          throw failures.exit("Kafka has no topic " + topic, "create it, or give another one");
        }
        failures.check(e);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        break;
      }
      LockSupport.parkNanos(PAUSE_NANOS);
    }
    throw new CancellationException();
  }

  /**
   * The positions that a group has committed, once no transaction is about to change them.
   *
   * @return null if there was no answer
   */
  Map<TopicPartition, OffsetAndMetadata> positions(String group, KafkaFailures failures) {
    try {
      return admin()
          .listConsumerGroupOffsets(
              group,
              new ListConsumerGroupOffsetsOptions()
                  .requireStable(true)
                  .timeoutMs(ANSWER_TIMEOUT_MILLIS))
          .partitionsToOffsetAndMetadata()
          .get();
    } catch (ExecutionException | KafkaException e) {
      failures.check(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    return null;
  }

  @Override
  public void close() {
    if (admin != null) {
      admin.close(Duration.ZERO);
    }
  }

  private Admin admin() {
    if (admin == null) {
      admin = Admin.create(settings.admin());
    }
    return admin;
  }
}
