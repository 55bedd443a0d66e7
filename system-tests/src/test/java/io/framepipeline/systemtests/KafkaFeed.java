package io.framepipeline.systemtests;

import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.apache.kafka.clients.producer.Callback;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
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

  /** One in so many transactions is aborted. */
  private static final int ABORT_INTERVAL = 3;

  private static final int[] BAD_LENGTHS = {
    0, 1, Reference.FRAME_LENGTH - 1, Reference.FRAME_LENGTH + 1, 3 * Reference.FRAME_LENGTH / 2
  };

  private final String topic;
  private final int framesPerSecond;
  private final NumberedFrames numbered;
  private final Random random;
  private final Partition[] partitions;
  private final KafkaProducer<byte[], byte[]> producer;
  private final KafkaProducer<byte[], byte[]> transactions;
  private final Thread thread;

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
    this.producer = producer(clientProperties, Map.of());
    this.transactions =
        producer(
            clientProperties,
            Map.of(
                ProducerConfig.TRANSACTIONAL_ID_CONFIG,
                "feed",
                // Longer than a broker is away.
                ProducerConfig.TRANSACTION_TIMEOUT_CONFIG,
                300_000));
    this.transactions.initTransactions();
    this.thread = Thread.ofPlatform().name("feed").daemon().start(this::run);
  }

  /** Ends the topic; from then on what is in it does not change. */
  void end() throws Exception {
    isEnded = true;
    thread.join();
    producer.close();
    transactions.close();
    check();
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
    return partitions[partition].acknowledged;
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

  private static KafkaProducer<byte[], byte[]> producer(
      Map<String, Object> clientProperties, Map<String, Object> more) {
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
      if (openRecords++ == 0) {
        transactions.beginTransaction();
      }
      send(transactions, partition, value);
      if (openRecords == TRANSACTION_RECORDS) {
        endTransaction();
      }
    } else {
      send(producer, partition, value);
    }
    framesSent += framesOf(partition.number, record);
  }

  /** What becomes of the record is said to its partition. */
  @SuppressWarnings("FutureReturnValueIgnored")
  private void send(KafkaProducer<byte[], byte[]> by, Partition partition, byte[] value) {
    by.send(new ProducerRecord<>(topic, partition.number, null, value), partition);
  }

  private void endTransaction() {
    if (openRecords > 0) {
      openRecords = 0;
      // After that the offsets are known.
      transactions.flush();
      boolean isAborted = random.nextInt(ABORT_INTERVAL) == 0;
      if (isAborted) {
        transactions.abortTransaction();
      } else {
        transactions.commitTransaction();
      }
      for (Partition partition : partitions) {
        if (partition.isTransactional) {
          partition.endTransaction(isAborted);
        }
      }
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

  /** What a partition holds. Written by one thread at a time, see {@link #isTransactional}. */
  private final class Partition implements Callback {
    private final int number;
    private final boolean isTransactional;

    /** Of the records that were acknowledged, in their order. */
    private int[] offsets = new int[1024];

    private int acknowledged;

    /** Those of them that no transaction can abort any more. */
    private int committed;

    private int sent;

    Partition(int number, boolean isTransactional) {
      this.number = number;
      this.isTransactional = isTransactional;
    }

    int nextRecord() {
      return sent++;
    }

    void endTransaction(boolean isAborted) {
      if (isAborted) {
        acknowledged = committed;
        sent = committed;
      } else {
        committed = acknowledged;
      }
    }

    @Override
    public void onCompletion(RecordMetadata metadata, Exception exception) {
      if (exception != null) {
        failure = exception;
      } else if (acknowledged > 0 && metadata.offset() <= offsets[acknowledged - 1]) {
        failure = new IllegalStateException("acknowledged out of order: " + metadata);
      } else {
        if (acknowledged == offsets.length) {
          offsets = Arrays.copyOf(offsets, 2 * acknowledged);
        }
        offsets[acknowledged++] = Math.toIntExact(metadata.offset());
      }
    }

    int find(long offset) {
      return Math.max(-1, Arrays.binarySearch(offsets, 0, acknowledged, (int) offset));
    }

    long frames() {
      long frames = 0;
      for (int record = 0; record < acknowledged; record++) {
        frames += framesOf(number, record);
      }
      return frames;
    }

    long badRecords() {
      long records = 0;
      for (int record = 0; record < acknowledged; record++) {
        records += framesOf(number, record) == 0 ? 1 : 0;
      }
      return records;
    }
  }
}
