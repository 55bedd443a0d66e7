package io.framepipeline.reader;

import io.framepipeline.common.config.ExitCode;
import io.framepipeline.reader.KafkaTransactions.Outcome;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CancellationException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import org.apache.kafka.clients.consumer.ConsumerGroupMetadata;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;

/**
 * Writes the results of a source other than Kafka to a topic, each once. The key is {@code
 * reader:sequence}. A reader's results are in one partition, in order.
 *
 * <p>Each transaction also commits how many results were written, as the position of a group that
 * has no members. So a commit whose answer is lost is not repeated, and a reader that goes on in
 * place of a dead one finds out what that had committed.
 */
final class KafkaOutput implements ResultsOutput {
  private static final int MAX_RESULTS = 16_384;

  /** Each transaction costs Kafka some writes. */
  private static final long COMMIT_INTERVAL_NANOS = TimeUnit.MILLISECONDS.toNanos(100);

  private static final long RETRY_NANOS = TimeUnit.MILLISECONDS.toNanos(100);

  private final String topic;
  private final int reader;
  private final int partition;
  private final KafkaTransactions transactions;
  private final ConsumerGroupMetadata group;

  /** Whose position says how many results were written. */
  private final TopicPartition position;

  private final List<ProducerRecord<byte[], byte[]>> results = new ArrayList<>(MAX_RESULTS);
  private long written;
  private long commitNanos = System.nanoTime();

  /**
   * Waits until Kafka has answered.
   *
   * @param readerFile of the reader whose results these are
   */
  KafkaOutput(KafkaSettings settings, String topic, ReaderFile readerFile, KafkaMeters meters) {
    this.topic = topic;
    this.reader = readerFile.number();
    KafkaFailures failures =
        new KafkaFailures(settings, "results to kafka:" + topic, ExitCode.OUTPUT);
    BooleanSupplier isStopped = () -> Thread.currentThread().isInterrupted();
    KafkaTopics topics = new KafkaTopics(settings, failures, isStopped);
    this.partition = reader % topics.partitions(topic, failures);
    this.position = new TopicPartition(topic, 0);
    String name = settings.groupOf(topic) + "-" + readerFile.sourceId();
    // A consumer that has not joined the group stands for no member of it.
    try (KafkaConsumer<byte[], ByteBuffer> consumer =
        failures.open(() -> new KafkaConsumer<>(settings.consumer(name)), isStopped)) {
      this.group = consumer.groupMetadata();
    }
    this.transactions =
        new KafkaTransactions(
            () -> new KafkaProducer<>(settings.producer(name)),
            () -> topics.positions(name, failures),
            failures,
            meters);
    if (readerFile.generation() > 0) {
      written = writtenBefore();
    }
  }

  /** How many results a dead reader had committed. */
  private long writtenBefore() {
    while (true) {
      Map<TopicPartition, OffsetAndMetadata> positions = transactions.committed();
      if (positions != null) {
        OffsetAndMetadata committed = positions.get(position);
        return committed == null ? 0 : committed.offset();
      }
      pause();
    }
  }

  private static void pause() {
    LockSupport.parkNanos(RETRY_NANOS);
    if (Thread.currentThread().isInterrupted()) {
      throw new CancellationException();
    }
  }

  /** What Kafka stores of a text. */
  static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  @Override
  public long written() {
    return written;
  }

  @Override
  public boolean hasRoom() {
    return results.size() < MAX_RESULTS;
  }

  @Override
  public void add(long sequence, double norm) {
    results.add(
        new ProducerRecord<>(
            topic, partition, bytes(reader + ":" + sequence), bytes(Double.toString(norm))));
  }

  @Override
  public void flush() {
    LockSupport.parkNanos(commitNanos - System.nanoTime());
    commitNanos = System.nanoTime() + COMMIT_INTERVAL_NANOS;
    long end = written + results.size();
    Outcome outcome = Outcome.ABORTED;
    while (outcome != Outcome.COMMITTED) {
      outcome =
          outcome == Outcome.IN_DOUBT
              ? transactions.resolve(name -> true)
              : transactions.commit(results, Map.of(position, new OffsetAndMetadata(end)), group);
      if (outcome != Outcome.COMMITTED) {
        pause();
      }
    }
    written = end;
    results.clear();
  }
}
