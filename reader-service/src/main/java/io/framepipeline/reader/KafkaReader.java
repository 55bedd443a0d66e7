package io.framepipeline.reader;

import io.framepipeline.common.config.ExitCode;
import io.framepipeline.common.config.ExitException;
import io.framepipeline.common.metrics.Figure;
import io.framepipeline.common.metrics.StageStats;
import io.framepipeline.common.wire.Frames;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CancellationException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.agrona.concurrent.IdleStrategy;
import org.apache.kafka.clients.consumer.CloseOptions;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.consumer.OffsetOutOfRangeException;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.WakeupException;

/**
 * Reads a Kafka topic as a member of a consumer group, and commits what is completed: positions,
 * rejected records and, if they go to Kafka, results in one transaction. One thread does both. It
 * alone uses the consumer, and goes on polling while it has no room, to stay in the group.
 *
 * <p>What cannot be committed any more goes back: its partition belongs to another reader, which
 * computes it from the last committed position on.
 */
final class KafkaReader extends SourceReader {
  /** How long a completed frame waits for its transaction. Each one costs Kafka some writes. */
  private static final long COMMIT_INTERVAL_NANOS = TimeUnit.MILLISECONDS.toNanos(100);

  /** How often a reader without room polls. */
  private static final long POLL_INTERVAL_NANOS = TimeUnit.MILLISECONDS.toNanos(100);

  private static final long FIGURES_INTERVAL_NANOS = TimeUnit.MILLISECONDS.toNanos(500);

  /** While nothing is fetched, but norms are awaited. */
  private static final Duration DRAIN_POLL = Duration.ofMillis(10);

  private static final Duration CLOSE_TIMEOUT = Duration.ofSeconds(5);

  /** The longest wait of this thread: Kafka's clients may wait for a broker that long. */
  private static final Duration END_TIMEOUT = Duration.ofSeconds(20);

  /** How many frames may be published before the duty cycle hears of them. */
  private static final int ANNOUNCE_FRAMES = 4 * Frames.BATCH_FRAMES;

  private final KafkaSettings settings;
  private final String topic;
  private final String resultsTopic;
  private final PartialFrame partialFrame;
  private final Pacer pacer;
  private final long frameLimit;
  private final RetainedFrames frames;

  /** Null unless results go to Kafka. */
  private final NormRing norms;

  private final IdleStrategy idleStrategy;
  private final StageStats stats;
  private final KafkaMeters meters;
  private final KafkaFailures failures;
  private final KafkaFailures outputFailures;
  private final String transactionalId;

  /** Fetched, but not all copied. */
  private final ArrayDeque<FetchedRecord> pending = new ArrayDeque<>();

  /** Null before this reader is a member of the group. */
  private KafkaCommits commits;

  private KafkaAssignment assignment;
  private long published;
  private long announced;

  private long commitNanos = System.nanoTime();
  private long pollNanos = commitNanos;
  private long figuresNanos = commitNanos;

  private volatile Consumer<byte[], ByteBuffer> consumer;
  private volatile boolean isClosed;
  private volatile boolean hasEnded;

  /**
   * @param sourceId of the reader; no two readers have the same
   * @param norms what to write to Kafka; null if results go elsewhere or nowhere
   */
  KafkaReader(
      ReaderSettings settings,
      int sourceId,
      RetainedFrames frames,
      NormRing norms,
      IdleStrategy idleStrategy,
      StageStats stats,
      KafkaMeters meters) {
    this.settings = settings.kafka();
    this.topic = settings.source().topic();
    this.resultsTopic = norms == null ? null : settings.results().topic();
    this.partialFrame = settings.partialFrame();
    this.pacer = settings.newPacer(0);
    this.frameLimit = settings.frameLimit();
    this.frames = frames;
    this.norms = norms;
    this.idleStrategy = idleStrategy;
    this.stats = stats;
    this.meters = meters;
    this.failures = new KafkaFailures(this.settings, "source kafka:" + topic, ExitCode.NO_INPUT);
    this.outputFailures =
        new KafkaFailures(this.settings, "output of kafka:" + topic, ExitCode.OUTPUT);
    this.transactionalId = this.settings.groupOf(topic) + "-" + sourceId;
  }

  /** The thread lives on after that, to commit. */
  @Override
  boolean hasReadingEnded() {
    return hasEnded;
  }

  /** Waits until what is completed is committed and the group knows that this reader leaves. */
  @Override
  public void close() {
    stop();
    isClosed = true;
    wake();
    try {
      if (isStarted() && !thread().join(END_TIMEOUT)) {
        thread().interrupt();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  @Override
  void wake() {
    Consumer<byte[], ByteBuffer> reading = consumer;
    if (reading != null) {
      reading.wakeup();
    }
  }

  @Override
  void run() {
    try (KafkaTopics topics = new KafkaTopics(settings, failures, this::isStopped)) {
      int resultsPartitionCount = checkTopics(topics);
      try (KafkaTransactions opened =
          new KafkaTransactions(
              () -> new KafkaProducer<>(settings.producer(transactionalId)),
              () -> topics.positions(settings.groupOf(topic), outputFailures),
              outputFailures,
              meters)) {
        read(opened, resultsPartitionCount);
      }
    } catch (CancellationException e) {
      // Stopped while it waited for a broker.
    } catch (ExitException e) {
      fail(e);
    } catch (RuntimeException | Error e) {
      // The consumer wraps what its listener throws.
      if (KafkaFailures.cause(e) instanceof ExitException wrapped) {
        fail(wrapped);
      } else {
        failByDefect(e);
      }
    }
    end();
    // Nothing can be committed any more.
    while (norms != null && commits != null && !isClosed) {
      commits.giveBack(norms.known());
      LockSupport.parkNanos(DRAIN_POLL.toNanos());
    }
  }

  /** Returns how many partitions the results have, if they go to Kafka. */
  private int checkTopics(KafkaTopics topics) {
    topics.partitions(topic, failures);
    topics.partitions(KafkaSettings.rejectedTopicOf(topic), outputFailures);
    return resultsTopic == null ? 0 : topics.partitions(resultsTopic, outputFailures);
  }

  private void read(KafkaTransactions opened, int resultsPartitionCount) {
    KafkaConsumer<byte[], ByteBuffer> reading =
        failures.open(
            () -> new KafkaConsumer<>(settings.consumer(settings.groupOf(topic))), this::isStopped);
    try {
      meters.watch(reading);
      join(reading, opened, resultsPartitionCount);
      while (!isClosed) {
        step(System.nanoTime());
      }
      commit();
    } finally {
      meters.forget(reading);
      reading.close(CloseOptions.timeout(CLOSE_TIMEOUT));
    }
  }

  /** Becomes a member of the group. */
  void join(
      Consumer<byte[], ByteBuffer> joining, KafkaTransactions opened, int resultsPartitionCount) {
    commits =
        new KafkaCommits(
            KafkaSettings.rejectedTopicOf(topic),
            resultsTopic,
            resultsPartitionCount,
            norms,
            opened,
            stats.counter(Figure.RECORDS_REJECTED));
    assignment = new KafkaAssignment(joining, this::commit);
    joining.subscribe(List.of(topic), assignment);
    consumer = joining;
  }

  /** Does what is due. */
  void step(long nowNanos) {
    poll(consumer, nowNanos);
    fill();
    if (nowNanos - commitNanos >= 0) {
      commitNanos = nowNanos + COMMIT_INTERVAL_NANOS;
      commit();
    }
    if (!hasEnded && (isStopped() || published == frameLimit)) {
      setFinished(published == frameLimit);
      pending.clear();
      end();
    }
    publishFigures(nowNanos);
  }

  /** Fetches records if all that were fetched are copied. Polls now and then in any case. */
  private void poll(Consumer<byte[], ByteBuffer> reading, long nowNanos) {
    Duration timeout;
    if (hasEnded) {
      assignment.pause();
      timeout = DRAIN_POLL;
    } else if (pending.isEmpty() && commits.hasRoom()) {
      assignment.resume();
      timeout = Duration.ofNanos(Math.max(0, commitNanos - nowNanos));
    } else if (nowNanos - pollNanos >= 0) {
      assignment.pause();
      timeout = Duration.ZERO;
    } else {
      return;
    }
    pollNanos = nowNanos + POLL_INTERVAL_NANOS;
    try {
      take(reading.poll(timeout));
      assignment.place();
    } catch (WakeupException e) {
      // Told to stop.
    } catch (OffsetOutOfRangeException e) {
      failOutOfRange(reading, e.offsetOutOfRangePartitions());
    } catch (KafkaException e) {
      failures.check(e);
      if (!KafkaFailures.isRetriable(e)) {
        throw failures.exit(String.valueOf(KafkaFailures.cause(e).getMessage()), "see its brokers");
      }
    }
  }

  private void take(ConsumerRecords<byte[], ByteBuffer> records) {
    Map<TopicPartition, OffsetAndMetadata> ends = records.nextOffsets();
    for (TopicPartition name : records.partitions()) {
      KafkaPartition partition = assignment.owned(name);
      List<ConsumerRecord<byte[], ByteBuffer>> list = records.records(name);
      for (int i = 0; i < list.size(); i++) {
        OffsetAndMetadata next =
            i + 1 == list.size()
                ? ends.get(name)
                : KafkaAssignment.inside(list.get(i + 1).offset(), 0);
        pending.add(new FetchedRecord(partition, list.get(i), next, partialFrame));
      }
    }
  }

  /** Copies fetched frames into the ring while both last. */
  private void fill() {
    int room = room();
    while (room > 0 && !pending.isEmpty()) {
      ByteBuffer buffer =
          frames.writable(
              published * Frames.BYTE_PAYLOAD_LENGTH, room * Frames.BYTE_PAYLOAD_LENGTH);
      int copied = copy(buffer, room);
      if (copied > 0) {
        published += copied;
        frames.publish(published * Frames.BYTE_PAYLOAD_LENGTH, System.nanoTime());
        if (published - announced >= ANNOUNCE_FRAMES) {
          announce();
        }
      }
      room = room();
    }
    announce();
    if (!pending.isEmpty() || !commits.hasRoom()) {
      idleStrategy.idle(0);
    }
  }

  /** How many frames to copy now, side by side. */
  private int room() {
    if (isStopped() || !commits.hasRoom()) {
      return 0;
    }
    long due = frameLimit - published;
    if (pacer != null) {
      due = Math.min(due, pacer.dueFrames(System.nanoTime()) - published);
    }
    int ringFrames =
        frames.writableBytes(published * Frames.BYTE_PAYLOAD_LENGTH) / Frames.BYTE_PAYLOAD_LENGTH;
    return Math.clamp(due, 0, ringFrames);
  }

  private int copy(ByteBuffer buffer, int room) {
    int copied = 0;
    while (copied < room && !pending.isEmpty()) {
      FetchedRecord record = pending.peek();
      if (record.isOwned()) {
        if (commits.begin(record, published + copied) && record.isPadded()) {
          stats.counter(Figure.FRAMES_PADDED).incrementRelease();
        }
        copied += record.copyTo(buffer, room - copied);
      }
      if (!record.isOwned() || record.isCopied()) {
        pending.remove();
      }
    }
    return copied;
  }

  private void announce() {
    if (announced < published) {
      announced = published;
      tellPublished();
    }
  }

  /**
   * Commits what is completed, if this reader still may; also called before it loses partitions.
   */
  private void commit() {
    commits.commit(norms == null ? frames.closed() : norms.known(), consumer.groupMetadata());
  }

  private void end() {
    hasEnded = true;
    tellPublished();
  }

  /** Returns only if it is told to stop meanwhile: then nothing more is read anyway. */
  private void failOutOfRange(
      Consumer<byte[], ByteBuffer> reading, Map<TopicPartition, Long> wanted) {
    String why;
    try {
      Map<TopicPartition, Long> first = reading.beginningOffsets(wanted.keySet());
      why =
          "%s records between the committed positions %s and the first ones that are left %s are gone"
              .formatted(missing(wanted, first), wanted, first);
    } catch (WakeupException e) {
      return;
    } catch (KafkaException e) {
      // How many there are is a detail, and not worth another failure.
      why = "records from the committed positions %s on are gone".formatted(wanted);
    }
    throw failures.exit(
        why,
        "move the positions of group %s by kafka-consumer-groups.sh --reset-offsets"
            .formatted(settings.groupOf(topic)));
  }

  private static long missing(Map<TopicPartition, Long> wanted, Map<TopicPartition, Long> first) {
    long missing = 0;
    for (Map.Entry<TopicPartition, Long> entry : wanted.entrySet()) {
      missing += Math.max(0, first.get(entry.getKey()) - entry.getValue());
    }
    return missing;
  }

  private void publishFigures(long nowNanos) {
    if (nowNanos - figuresNanos >= 0) {
      figuresNanos = nowNanos + FIGURES_INTERVAL_NANOS;
      stats.counter(Figure.SOURCE_PARTITIONS).setRelease(assignment.size());
      stats.counter(Figure.SOURCE_LAG_RECORDS).setRelease(assignment.lag());
    }
  }
}
