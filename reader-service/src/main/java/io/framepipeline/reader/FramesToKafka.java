package io.framepipeline.reader;

import io.framepipeline.common.config.ExitCode;
import io.framepipeline.common.config.ExitException;
import io.framepipeline.common.config.Settings;
import io.framepipeline.common.linux.PipelineCpu;
import io.framepipeline.common.metrics.Figure;
import io.framepipeline.common.metrics.Ledger;
import io.framepipeline.common.metrics.MetricsServer;
import io.framepipeline.common.metrics.StageStats;
import io.framepipeline.common.service.CommonSettings;
import io.framepipeline.common.service.ServiceRunner;
import io.framepipeline.common.service.Signals;
import io.framepipeline.common.topology.Stage;
import io.framepipeline.common.transport.FrameSlots;
import io.framepipeline.common.wire.Frames;
import java.time.Duration;
import java.util.concurrent.CancellationException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import org.agrona.concurrent.ManyToOneConcurrentLinkedQueue;
import org.agrona.concurrent.SleepingMillisIdleStrategy;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.errors.TimeoutException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Puts a source's frames into a Kafka topic: for a machine that has the camera but not the
 * computing power. Needs no media driver. Each record is a batch, up to 16 frames that one read
 * completed. Each frame is written once, as long as this process lives, and a full window holds
 * back the source. Like a reader it keeps a frame until Kafka has acknowledged it, and has a
 * ledger.
 */
public final class FramesToKafka implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(FramesToKafka.class);
  private static final String SETTING = "READER_FRAMES_TO";
  private static final long PROGRESS_NANOS = TimeUnit.SECONDS.toNanos(1);

  /** A batch that Kafka has acknowledged, or not. */
  private record Answer(long sequence, int frameCount, Exception failure) {}

  private final String topic;
  private final StageStats stats;
  private final FrameSlots slots;
  private final RetainedFrames frames;
  private final SourceReader source;
  private final KafkaSettings settings;
  private final KafkaFailures failures;
  private final KafkaMeters meters;
  private final SleepingMillisIdleStrategy idleStrategy = new SleepingMillisIdleStrategy(1);
  private final AtomicInteger signals = new AtomicInteger();

  /** From Kafka's thread to this one. */
  private final ManyToOneConcurrentLinkedQueue<Answer> answers =
      new ManyToOneConcurrentLinkedQueue<>();

  /** Null until a broker has answered. */
  private Producer<byte[], byte[]> producer;

  FramesToKafka(ReaderSettings settings, String topic, StageStats stats, KafkaMeters meters) {
    this.topic = topic;
    this.stats = stats;
    this.meters = meters;
    this.slots = FrameSlots.inMemory(settings.windowFrames(), Frames.BYTE_PAYLOAD_LENGTH);
    ReaderMemory memory = ReaderMemory.ofProcess();
    this.frames =
        new RetainedFrames(memory, slots, 1, (sequence, buffer, offset, length) -> {}, null);
    this.source =
        new ChannelReader(
            settings,
            frames,
            memory.input,
            new SleepingMillisIdleStrategy(1),
            PipelineCpu.any(),
            stats.counter(Figure.FRAMES_PADDED));
    this.settings = settings.kafka();
    this.failures =
        new KafkaFailures(settings.kafka(), "frames to kafka:" + topic, ExitCode.OUTPUT);
    stats.counter(Figure.WINDOW_FRAMES).setRelease(settings.windowFrames());
  }

  /** Whether the settings ask for this instead of a reader that sends to reciprocals. */
  static boolean isWanted(Settings settings) {
    return settings.text(SETTING, null) != null;
  }

  /**
   * Runs until the input ends, or a signal stops it.
   *
   * @param isLocal whether this is a local command, whose metrics are for this machine only
   * @param onProgress gets the ledger once a second, and at the end
   * @return the exit code
   * @throws ExitException if a setting, the input or the output is wrong
   */
  public static int run(Settings settings, boolean isLocal, Consumer<Ledger.Entry> onProgress) {
    String to = settings.text(SETTING, "");
    String topic = KafkaSettings.topicOf(SETTING, to);
    if (topic == null) {
      throw Settings.malformed(SETTING, to, "kafka:TOPIC");
    }
    ReaderSettings reader = ReaderSettings.readForFramesToKafka(settings);
    CommonSettings common = CommonSettings.read(settings);
    StageStats stats = StageStats.inMemory();
    KafkaMeters meters = new KafkaMeters();
    try (MetricsServer metrics =
            new MetricsServer(
                ServiceRunner.metricsAddress(common.metricsPort(), isLocal),
                Stage.READER,
                stats,
                counters -> counters.accept(null),
                meters);
        FramesToKafka frames = new FramesToKafka(reader, topic, stats, meters)) {
      LOG.info("metrics on port {}", metrics.port());
      Signals.onStop(frames::stop);
      Signals.onHangUp(frames::hangUp);
      frames.begin(frames.open());
      return frames.run(onProgress);
    } catch (CancellationException e) {
      // Stopped while it waited for a broker.
      return ExitCode.STOPPED;
    }
  }

  /** Waits for no answer. */
  @Override
  public void close() {
    source.close();
    if (producer != null) {
      meters.forget(producer);
      producer.close(Duration.ZERO);
    }
  }

  /** Reads no further. The second time it does not wait for what is in flight, either. */
  void stop() {
    signals.incrementAndGet();
    source.stop();
  }

  /** Reads no further. A terminal's end is several signals, which do not mean impatience. */
  void hangUp() {
    signals.compareAndSet(0, 1);
    source.stop();
  }

  /**
   * Makes the client. Waits for a broker that can be reached.
   *
   * @throws CancellationException if stopped while it waits
   */
  Producer<byte[], byte[]> open() {
    BooleanSupplier isStopped =
        () -> {
          // Waiting for a broker is no hang: liveness would end what only has to wait.
          tellAlive();
          return signals.get() > 0;
        };
    try (KafkaTopics topics = new KafkaTopics(settings, failures, isStopped)) {
      topics.partitions(topic, failures);
    }
    return failures.open(() -> new KafkaProducer<>(settings.patientProducer()), isStopped);
  }

  /** Begins to read the source. */
  void begin(Producer<byte[], byte[]> opened) {
    producer = opened;
    meters.watch(producer);
    stats.counter(Figure.READY).setRelease(1);
    source.start();
  }

  /** Writes until the input has ended, or was stopped, and all is acknowledged. */
  int run(Consumer<Ledger.Entry> onProgress) {
    long progressNanos = System.nanoTime() + PROGRESS_NANOS;
    boolean isOver = false;
    while (!isOver && signals.get() < 2) {
      // Asked first, so that what was published before the end is taken over.
      boolean hasSourceEnded = source.hasEnded();
      int work = takeAnswers();
      frames.closeFrames();
      work += frames.takeOver() + send();
      publish();
      isOver = hasSourceEnded && frames.inFlight() == 0;
      if (System.nanoTime() - progressNanos >= 0) {
        progressNanos += PROGRESS_NANOS;
        onProgress.accept(stats.ledger.read());
      }
      idleStrategy.idle(work);
    }
    Ledger.Entry ledger = stats.ledger.read();
    onProgress.accept(ledger);
    if (source.failure() != null) {
      throw source.failure();
    }
    if (ledger.framesAcknowledged() != ledger.framesRead()) {
      return ExitCode.LOST;
    }
    return source.isFinished() ? ExitCode.OK : ExitCode.STOPPED;
  }

  private int takeAnswers() {
    int taken = 0;
    for (Answer answer = answers.poll(); answer != null; answer = answers.poll()) {
      if (answer.failure != null) {
        failures.check(answer.failure);
        throw failures.exit(
            "frame %s and those after it are not written: %s"
                .formatted(answer.sequence, KafkaFailures.cause(answer.failure).getMessage()),
            "see the topic's limits");
      }
      for (int i = 0; i < answer.frameCount; i++) {
        frames.answered(answer.sequence + i, 0);
      }
      taken += answer.frameCount;
    }
    return taken;
  }

  /** Goes on later with what Kafka's client does not take now. */
  private int send() {
    int sent = 0;
    for (long next = frames.nextToSend(); next >= 0; next = frames.nextToSend()) {
      int frameCount = frames.batchLength(next);
      KafkaException failure = trySend(next, frameCount);
      if (failure != null) {
        failures.check(failure);
        return sent;
      }
      for (int i = 0; i < frameCount; i++) {
        frames.sent(next + i, 0, System.nanoTime());
      }
      sent += frameCount;
    }
    return sent;
  }

  /**
   * Gives a batch to Kafka's client. Waits for a moment while that has no room, or does not know
   * the topic's partitions.
   *
   * @return why the client has not taken the batch; null if an answer follows
   */
  @SuppressWarnings("FutureReturnValueIgnored") // the callback tells
  private KafkaException trySend(long sequence, int frameCount) {
    byte[] value = new byte[frameCount * Frames.BYTE_PAYLOAD_LENGTH];
    slots.buffer().getBytes(slots.offset(frames.payloadNumber(sequence)), value);
    Thread caller = Thread.currentThread();
    TimeoutException[] notTaken = new TimeoutException[1];
    try {
      producer.send(
          new ProducerRecord<>(topic, value),
          (metadata, failure) -> {
            // The client also tells the callback that it has not taken the record, and does so
            // during the call. What it has taken it answers on its own thread.
            if (failure instanceof TimeoutException timeout && Thread.currentThread() == caller) {
              notTaken[0] = timeout;
            } else {
              answers.add(new Answer(sequence, frameCount, failure));
            }
          });
    } catch (KafkaException e) {
      return e;
    }
    return notTaken[0];
  }

  private void tellAlive() {
    stats.counter(Figure.DUTY_CYCLE_NANOS).setRelease(System.nanoTime());
  }

  private void publish() {
    tellAlive();
    frames.publish(stats.ledger);
  }
}
