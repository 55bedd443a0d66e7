package io.framepipeline.reader;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.framepipeline.common.config.ExitCode;
import io.framepipeline.common.config.Settings;
import io.framepipeline.common.metrics.Figure;
import io.framepipeline.common.metrics.StageStats;
import io.framepipeline.common.wire.Frames;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Random;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Future;
import org.apache.kafka.clients.producer.Callback;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.MockProducer;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.errors.TimeoutException;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Kafka is a producer whose answers the test gives, or a port at which nothing listens. */
@Timeout(120)
class FramesToKafkaTest {
  private static final Duration WATCHDOG = Duration.ofSeconds(60);
  private static final String TOPIC = "frames";
  private static final int FRAMES = 40;

  @TempDir private Path directory;
  private final StageStats stats = StageStats.inMemory();

  @Test
  void shouldEndAtOnceAtASecondSignal() throws Exception {
    MockProducer<byte[], byte[]> producer = unanswered();
    try (FramesToKafka frames = framesToKafka()) {
      CompletableFuture<Integer> exitCode = runUntilAllAreInFlight(frames, producer);

      frames.stop();
      frames.stop();

      assertThat(exitCode.get()).isEqualTo(ExitCode.LOST);
    }
  }

  /** A terminal's end is several signals, and loses nothing. */
  @Test
  void shouldWriteWhatIsInFlightWhenTheTerminalEnds() throws Exception {
    MockProducer<byte[], byte[]> producer = unanswered();
    try (FramesToKafka frames = framesToKafka()) {
      CompletableFuture<Integer> exitCode = runUntilAllAreInFlight(frames, producer);

      frames.hangUp();
      frames.hangUp();
      await()
          .atMost(WATCHDOG)
          .until(
              () -> {
                producer.completeNext();
                return exitCode.isDone();
              });

      assertThat(exitCode.get()).isEqualTo(ExitCode.OK);
      assertThat(stats.ledger.read().framesAcknowledged()).isEqualTo(FRAMES);
    }
  }

  @Test
  void shouldBeAliveWhileItWaitsForABroker() throws Exception {
    try (FramesToKafka frames = framesToKafka()) {
      CompletableFuture<?> end = CompletableFuture.supplyAsync(frames::open);
      long first = awaitDutyCycleAfter(0, end);
      awaitDutyCycleAfter(first, end);

      frames.stop();

      assertThat(end)
          .failsWithin(WATCHDOG)
          .withThrowableThat()
          .withCauseInstanceOf(CancellationException.class);
    }
  }

  /** The client itself says how it fails: it has never heard of the topic's partitions. */
  @Test
  void shouldKeepFramesWhileNoBrokerAnswers() throws Exception {
    try (FramesToKafka frames = framesToKafka()) {
      CompletableFuture<Integer> exitCode =
          runUntilAllAreInFlight(frames, new KafkaProducer<>(settings().kafka().patientProducer()));
      long afterOneTry = awaitDutyCycleAfter(0, exitCode);
      awaitDutyCycleAfter(afterOneTry, exitCode);

      frames.stop();
      frames.stop();

      assertThat(exitCode.get()).isEqualTo(ExitCode.LOST);
    }
  }

  @Test
  void shouldWriteEachFrameOnceAndInOrderThoughTheClientDoesNotTakeThemAtFirst() throws Exception {
    Random random = new Random(1);
    List<byte[]> taken = new ArrayList<>();
    MockProducer<byte[], byte[]> producer =
        new MockProducer<>(true, null, new ByteArraySerializer(), new ByteArraySerializer()) {
          @Override
          public synchronized Future<RecordMetadata> send(
              ProducerRecord<byte[], byte[]> sent, Callback callback) {
            if (random.nextInt(3) > 0) {
              TimeoutException failure = new TimeoutException("no room");
              callback.onCompletion(null, failure);
              return CompletableFuture.failedFuture(failure);
            }
            taken.add(sent.value());
            return super.send(sent, callback);
          }
        };
    try (FramesToKafka frames = framesToKafka()) {
      CompletableFuture<Integer> exitCode = run(frames, producer);

      assertThat(exitCode.get()).isEqualTo(ExitCode.OK);
      assertThat(stats.ledger.read().framesAcknowledged()).isEqualTo(FRAMES);
    }
    ByteBuffer all = ByteBuffer.allocate(FRAMES * Frames.BYTE_PAYLOAD_LENGTH);
    taken.forEach(all::put);
    assertThat(all.array()).isEqualTo(input());
  }

  /** A time-out on the client's own thread is of a record that it had taken, and may have sent. */
  @Test
  void shouldNotWriteATakenFrameAgain() throws Exception {
    MockProducer<byte[], byte[]> producer = unanswered();
    try (FramesToKafka frames = framesToKafka()) {
      CompletableFuture<Integer> exitCode = runUntilAllAreInFlight(frames, producer);
      int taken = producer.history().size();

      producer.errorNext(new TimeoutException("no answer"));

      assertThat(exitCode)
          .failsWithin(WATCHDOG)
          .withThrowableThat()
          .withMessageContaining("frame 0 and those after it are not written");
      assertThat(producer.history()).hasSize(taken);
    }
  }

  private FramesToKafka framesToKafka() throws IOException {
    return new FramesToKafka(settings(), TOPIC, stats, new KafkaMeters());
  }

  private ReaderSettings settings() throws IOException {
    Path source = directory.resolve("input");
    Files.write(source, input());
    return ReaderSettings.readForFramesToKafka(
        new Settings(
            Map.of(
                "READER_SOURCE",
                source.toString(),
                "KAFKA_BOOTSTRAP_SERVERS",
                // Nothing listens there, since only root may.
                "127.0.0.1:1"),
            new Properties()));
  }

  private static byte[] input() {
    byte[] input = new byte[FRAMES * Frames.BYTE_PAYLOAD_LENGTH];
    new Random(2).nextBytes(input);
    return input;
  }

  /** A producer that answers when it is told to. */
  private static MockProducer<byte[], byte[]> unanswered() {
    return new MockProducer<>(false, null, new ByteArraySerializer(), new ByteArraySerializer());
  }

  private static CompletableFuture<Integer> run(
      FramesToKafka frames, Producer<byte[], byte[]> producer) {
    return CompletableFuture.supplyAsync(
        () -> {
          frames.begin(producer);
          return frames.run(ledger -> {});
        });
  }

  private CompletableFuture<Integer> runUntilAllAreInFlight(
      FramesToKafka frames, Producer<byte[], byte[]> producer) {
    CompletableFuture<Integer> exitCode = run(frames, producer);
    await()
        .atMost(WATCHDOG)
        .until(() -> exitCode.isDone() || stats.ledger.read().framesInFlight() == FRAMES);
    assertThat(exitCode).isNotDone();
    return exitCode;
  }

  private long awaitDutyCycleAfter(long nanos, CompletableFuture<?> end) {
    return await()
        .atMost(WATCHDOG)
        .until(
            () -> stats.counter(Figure.DUTY_CYCLE_NANOS).get(),
            now -> {
              assertThat(end).isNotDone();
              return now != nanos;
            });
  }
}
