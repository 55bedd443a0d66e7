package io.framepipeline.systemtests;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.IntStream;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/**
 * A producer that fills a topic at a steady rate, and knows what is in it: records of one, two or
 * three numbered frames, and a few that are no whole frames. Two partitions are filled by
 * transactions, of which some are aborted, so that offsets there have gaps.
 */
final class KafkaFeed implements AutoCloseable {
  /** At most, in a record. */
  static final int MAX_FRAMES = 3;

  private static final int TRANSACTIONAL_PARTITIONS = 2;
  private static final int TRANSACTION_RECORDS = 20;

  /** One in so many records is no whole frames. */
  private static final int BAD_INTERVAL = 300;

  /** An offset that Kafka has not told. */
  private static final int UNKNOWN = -1;

  /** One in so many transactions is aborted. */
  private static final int ABORT_INTERVAL = 3;

  private static final Duration POLL_TIMEOUT = Duration.ofMillis(200);

  private static final int[] BAD_LENGTHS = {
    0, 1, Reference.FRAME_LENGTH - 1, Reference.FRAME_LENGTH + 1, 3 * Reference.FRAME_LENGTH / 2
  };

  private final String topic;
  private final int framesPerSecond;
  private final NumberedFrames numbered;
  private final Random random;
  private final Partition[] partitions;
  private final Map<String, Object> clientProperties;
  private final KafkaProducer<byte[], byte[]> producer;
  private final Thread thread;

  /** Replaced when Kafka refuses it; used by one thread at a time. */
  private KafkaProducer<byte[], byte[]> transactions;

  private int refusedTransactions;

  /** By the clock of records' timestamps. */
  private final long startMillis = System.currentTimeMillis();

  /** Those of aborted transactions included. */
  private long framesSent;

  /** How many records of the open transaction there are; 0 if none is open. */
  private int openRecords;

  private volatile Exception failure;
  private volatile boolean isEnded;

  /** Fills a topic from now on, in all its partitions. */
  KafkaFeed(
      Map<String, Object> clientProperties,
      String topic,
      int partitions,
      int framesPerSecond,
      long seed) {
    this.topic = topic;
    this.framesPerSecond = framesPerSecond;
    this.numbered = new NumberedFrames(seed);
    this.random = new Random(seed);
    this.partitions = new Partition[partitions];
    for (int i = 0; i < partitions; i++) {
      this.partitions[i] = new Partition(i, i >= partitions - TRANSACTIONAL_PARTITIONS);
    }
    this.clientProperties = clientProperties;
    this.producer = producer(Map.of());
    this.transactions = openTransactions();
    this.thread = Thread.ofPlatform().name("feed").daemon().start(this::run);
  }

  /** Ends the topic; from then on what is in it does not change. */
  void end() throws Exception {
    isEnded = true;
    thread.join();
    producer.close();
    transactions.close();
    check();
    Arrays.stream(partitions).forEach(Partition::check);
  }

  /** Fails if a record could not be sent. */
  void check() {
    if (failure != null) {
      throw new AssertionError("the test's own producer failed", failure);
    }
  }

  long startMillis() {
    return startMillis;
  }

  int partitions() {
    return partitions.length;
  }

  /** How many frames the topic has, once it has ended. */
  long frames() {
    return Arrays.stream(partitions).mapToLong(Partition::frames).sum();
  }

  /** How many records are no whole frames, once it has ended. */
  long badRecords() {
    return Arrays.stream(partitions).mapToLong(Partition::badRecords).sum();
  }

  /**
   * Which of a partition's records has an offset.
   *
   * @return a number that counts the partition's records, or -1 if there is no such record
   */
  int record(int partition, long offset) {
    return partitions[partition].find(offset);
  }

  /** How many records a partition has, once the topic has ended. */
  int records(int partition) {
    return partitions[partition].sent;
  }

  /** The offset of a partition's record. */
  long offset(int partition, int record) {
    return partitions[partition].offsets[record];
  }

  /** How many frames a record has; 0 if it is to be rejected. */
  int framesOf(int partition, int record) {
    int hash = hash(partition, record);
    return hash % BAD_INTERVAL == 0 ? 0 : 1 + hash / BAD_INTERVAL % MAX_FRAMES;
  }

  /** How long a record is that is to be rejected. */
  int badLength(int partition, int record) {
    return BAD_LENGTHS[hash(partition, record) / BAD_INTERVAL % BAD_LENGTHS.length];
  }

  /** How many transactions Kafka has not let their producer commit. */
  int refusedTransactions() {
    return refusedTransactions;
  }

  /** Whether the topic shows a record to those who read what is committed. */
  boolean isShown(int partition, long offset) {
    TopicPartition name = new TopicPartition(topic, partition);
    Map<String, Object> properties = new HashMap<>(clientProperties);
    properties.put(ConsumerConfig.ISOLATION_LEVEL_CONFIG, "read_committed");
    try (KafkaConsumer<byte[], byte[]> reader =
        new KafkaConsumer<>(properties, new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
      reader.assign(List.of(name));
      reader.seek(name, offset);
      long end = reader.endOffsets(List.of(name)).get(name);
      while (reader.position(name) < end) {
        List<ConsumerRecord<byte[], byte[]>> records = reader.poll(POLL_TIMEOUT).records(name);
        if (!records.isEmpty()) {
          return records.getFirst().offset() == offset;
        }
      }
      return false;
    }
  }

  /** Whether a norm is that of a frame. */
  boolean isNorm(double norm, int partition, int record, int index) {
    return numbered.isNorm(norm, number(partition, record, index));
  }

  @Override
  public void close() {
    isEnded = true;
    thread.interrupt();
    producer.close(Duration.ZERO);
    transactions.close(Duration.ZERO);
  }

  private KafkaProducer<byte[], byte[]> openTransactions() {
    KafkaProducer<byte[], byte[]> opened =
        producer(
            Map.of(
                ProducerConfig.TRANSACTIONAL_ID_CONFIG,
                "feed",
                // Longer than a broker is away.
                ProducerConfig.TRANSACTION_TIMEOUT_CONFIG,
                300_000));
    opened.initTransactions();
    return opened;
  }

  private KafkaProducer<byte[], byte[]> producer(Map<String, Object> more) {
    Map<String, Object> properties = new HashMap<>(clientProperties);
    int forever = (int) TimeUnit.HOURS.toMillis(2);
    properties.put(ProducerConfig.DELIVERY_TIMEOUT_MS_CONFIG, forever);
    properties.put(ProducerConfig.MAX_BLOCK_MS_CONFIG, forever);
    properties.put(ProducerConfig.LINGER_MS_CONFIG, 5);
    properties.put(ProducerConfig.BATCH_SIZE_CONFIG, 128 * 1024);
    // The tests' heap is small.
    properties.put(ProducerConfig.BUFFER_MEMORY_CONFIG, 8 * 1024 * 1024);
    properties.putAll(more);
    return new KafkaProducer<>(properties, new ByteArraySerializer(), new ByteArraySerializer());
  }

  private void run() {
    try {
      long startNanos = System.nanoTime();
      while (!isEnded && failure == null) {
        double seconds = (System.nanoTime() - startNanos) / 1e9;
        if (framesSent < seconds * framesPerSecond) {
          send(partitions[random.nextInt(partitions.length)]);
        } else {
          LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(5));
        }
      }
      endTransaction();
    } catch (RuntimeException e) {
      failure = e;
    }
  }

  private void send(Partition partition) {
    int record = partition.nextRecord();
    byte[] value = value(partition.number, record);
    if (partition.isTransactional) {
      try {
        if (openRecords++ == 0) {
          transactions.beginTransaction();
        }
        send(transactions, partition, record, value);
      } catch (KafkaException e) {
        // Kafka has refused an earlier record of this transaction, which ends it.
        openRecords = TRANSACTION_RECORDS;
      }
      if (openRecords == TRANSACTION_RECORDS) {
        endTransaction();
      }
    } else {
      send(producer, partition, record, value);
    }
    framesSent += framesOf(partition.number, record);
  }

  /** What becomes of the record, the callback is told. */
  @SuppressWarnings("FutureReturnValueIgnored")
  private void send(
      KafkaProducer<byte[], byte[]> by, Partition partition, int record, byte[] value) {
    by.send(
        new ProducerRecord<>(topic, partition.number, null, value),
        (metadata, exception) -> {
          if (exception == null) {
            partition.acknowledge(record, metadata.offset());
          } else if (!partition.isTransactional) {
            failure = exception;
          }
          // Otherwise the transaction cannot be committed.
        });
  }

  private void endTransaction() {
    if (openRecords > 0) {
      openRecords = 0;
      // After that the offsets are known.
      transactions.flush();
      boolean isCommitted = random.nextInt(ABORT_INTERVAL) == 0 ? abort() : commit();
      for (Partition partition : partitions) {
        if (partition.isTransactional) {
          partition.endTransaction(isCommitted);
        }
      }
    }
  }

  /** Returns whether it is committed: Kafka may tell a producer to give its transaction up. */
  private boolean commit() {
    try {
      transactions.commitTransaction();
      return true;
    } catch (KafkaException e) {
      refusedTransactions++;
      return abort();
    }
  }

  /** Returns whether it is committed all the same: Kafka's answer may have been lost. */
  private boolean abort() {
    try {
      transactions.abortTransaction();
      return false;
    } catch (KafkaException | IllegalStateException e) {
      // A new producer of the same id ends what this one had begun, one way or the other.
      transactions.close(Duration.ZERO);
      transactions = openTransactions();
      return Arrays.stream(partitions).anyMatch(Partition::showsOpen);
    }
  }

  /** Null is a value, too. */
  private byte[] value(int partition, int record) {
    int frames = framesOf(partition, record);
    if (frames == 0) {
      int length = badLength(partition, record);
      return length == 0 ? null : new byte[length];
    }
    ByteBuffer value = ByteBuffer.allocate(frames * Reference.FRAME_LENGTH);
    for (int index = 0; index < frames; index++) {
      numbered.put(value, number(partition, record, index));
    }
    return value.array();
  }

  private static long number(int partition, int record, int index) {
    return (long) partition << 40 | ((long) record * MAX_FRAMES + index);
  }

  private static int hash(int partition, int record) {
    long hash = ((long) partition << 40 | record) * 0x9E3779B97F4A7C15L;
    hash = (hash ^ (hash >>> 32)) * 0xD6E8FEB86659FD93L;
    return (int) ((hash ^ (hash >>> 32)) & Integer.MAX_VALUE);
  }

  /** What a partition holds. The producer's thread notes offsets, the feed's thread all else. */
  private final class Partition {
    private final int number;
    private final boolean isTransactional;

    /** By record. */
    private int[] offsets = new int[0];

    private int sent;

    /** Those of them that no transaction can abort any more; all of these are acknowledged. */
    private int committed;

    Partition(int number, boolean isTransactional) {
      this.number = number;
      this.isTransactional = isTransactional;
    }

    int nextRecord() {
      return sent++;
    }

    /**
     * Notes a record's offset. If the partition's leader changes, one record may be acknowledged
     * after the next ones, although it is before them in the partition.
     */
    void acknowledge(int record, long offset) {
      if (record >= offsets.length) {
        int length = offsets.length;
        offsets = Arrays.copyOf(offsets, Math.max(1024, 2 * record));
        Arrays.fill(offsets, length, offsets.length, UNKNOWN);
      }
      offsets[record] = Math.toIntExact(offset);
    }

    void endTransaction(boolean isCommitted) {
      if (isCommitted) {
        committed = sent;
      } else {
        Arrays.fill(offsets, committed, offsets.length, UNKNOWN);
        sent = committed;
      }
    }

    /** Whether Kafka shows a record of the transaction that was open last as committed. */
    boolean showsOpen() {
      return isTransactional
          && Arrays.stream(offsets, committed, offsets.length)
              .filter(offset -> offset != UNKNOWN)
              .limit(1)
              .anyMatch(offset -> isShown(number, offset));
    }

    /** Checks that all that was sent is there, in that order. */
    void check() {
      for (int record = 0; record < sent; record++) {
        int least = record == 0 ? 0 : offsets[record - 1] + 1;
        assertThat(offsets[record])
            .as("offset of record %s of partition %s", record, number)
            .isGreaterThanOrEqualTo(least);
      }
    }

    int find(long offset) {
      return Math.max(-1, Arrays.binarySearch(offsets, 0, sent, (int) offset));
    }

    long frames() {
      return IntStream.range(0, sent).mapToLong(record -> framesOf(number, record)).sum();
    }

    long badRecords() {
      return IntStream.range(0, sent).filter(record -> framesOf(number, record) == 0).count();
    }
  }
}
