package io.framepipeline.reader;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CancellationException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.DescribeTopicsOptions;
import org.apache.kafka.clients.admin.ListConsumerGroupOffsetsOptions;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.InvalidTopicException;
import org.apache.kafka.common.errors.UnknownTopicOrPartitionException;

/** Asks Kafka about topics and the positions of groups. For one thread. */
final class KafkaTopics implements AutoCloseable {
  private static final int ANSWER_TIMEOUT_MILLIS = 5_000;
  private static final long PAUSE_NANOS = TimeUnit.MILLISECONDS.toNanos(200);

  private final Admin admin;
  private final BooleanSupplier isStopped;

  /**
   * Waits until a broker's name can be resolved.
   *
   * @param isStopped ends each wait with a {@link CancellationException}
   */
  KafkaTopics(KafkaSettings settings, KafkaFailures failures, BooleanSupplier isStopped) {
    this.isStopped = isStopped;
    this.admin = failures.open(() -> Admin.create(settings.admin()), isStopped);
  }

  /**
   * How many partitions a topic has. Waits for a broker that can be reached.
   *
   * @param failures ends the reader if there is no such topic
   * @throws CancellationException if stopped while it waits
   */
  int partitions(String topic, KafkaFailures failures) {
    while (!isStopped.getAsBoolean()) {
      try {
        return admin
            .describeTopics(
                List.of(topic), new DescribeTopicsOptions().timeoutMs(ANSWER_TIMEOUT_MILLIS))
            .topicNameValues()
            .get(topic)
            .get()
            .partitions()
            .size();
      } catch (ExecutionException | KafkaException e) {
        Throwable cause = KafkaFailures.cause(e);
        if (cause instanceof UnknownTopicOrPartitionException
            || cause instanceof InvalidTopicException) {
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
      return admin
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
    admin.close(Duration.ZERO);
  }
}
