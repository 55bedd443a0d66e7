package io.framepipeline.systemtests;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.awaitility.Awaitility.await;

import java.net.InetAddress;
import java.net.ServerSocket;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.MethodOrderer.OrderAnnotation;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.extension.TestWatcher;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Cells in containers that share a topic of a broker in a container, up to the death of one. At the
 * end of each test the results must hold the norm of every record so far, once.
 */
@Timeout(value = 5, unit = TimeUnit.MINUTES)
@TestMethodOrder(OrderAnnotation.class)
class ComposeKafkaIT {
  /** Different ones; records repeat them. */
  private static final int FRAMES = 500;

  /** A second. Little enough for two cores to start containers beside it. */
  private static final int RATE = 1000;

  private static final byte[] BYTES = Reference.frames(FRAMES, 11);

  private static ComposeStack stack;
  private static Map<String, Object> client;

  /** By the key that its norm must have, the frame of each record. */
  private static final Map<String, Integer> SENT = new ConcurrentHashMap<>();

  /** What the containers said, which is gone with them. */
  @RegisterExtension
  static final TestWatcher LOGS =
      new TestWatcher() {
        @Override
        public void testFailed(ExtensionContext context, Throwable cause) {
          try {
            System.err.println(stack.compose("ps", "-a"));
            System.err.println(stack.compose("logs", "--tail", "40"));
            System.err.println(secondCell("logs", "--tail", "40"));
          } catch (Exception e) {
            cause.addSuppressed(e);
          }
        }
      };

  @BeforeAll
  static void start() throws Exception {
    ComposeStack.assumeEngine();
    int port;
    try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      port = socket.getLocalPort();
    }
    client = Map.of("bootstrap.servers", "127.0.0.1:" + port);
    stack =
        ComposeStack.start(
            Map.of("BROKER_PORT", Integer.toString(port)), "docker-compose.kafka.yml");
  }

  @AfterAll
  static void end() throws Exception {
    if (stack != null) {
      try {
        secondCell("down", "--volumes");
      } finally {
        stack.close();
      }
    }
  }

  @Test
  @Order(1)
  void shouldStartABrokerThatIsConfined() throws Exception {
    stack.compose("up", "-d", "--wait");

    ComposeStack.assertHealthyAndConfined(stack.inspect("kafka").getFirst());
  }

  /** What the reader needs for it lies in its image, since it can unpack nothing. */
  @ParameterizedTest
  @Order(2)
  @ValueSource(strings = {"none", "gzip", "snappy", "lz4", "zstd"})
  void shouldReadWhatIsCompressed(String codec) throws Exception {
    int before = SENT.size();
    try (KafkaProducer<byte[], byte[]> producer = producer(codec)) {
      for (int i = 0; i < FRAMES; i++) {
        send(producer, i);
      }
    }
    assertThat(SENT).hasSize(before + FRAMES);
    assertEachNormOnce();
  }

  /** As the README has it, but for the names; Prometheus finds the second cell, too. */
  @Test
  @Order(3)
  void shouldLoseAndRepeatNothingWhenACellJoinsAndAReaderIsKilled() throws Exception {
    AtomicReference<Exception> failure = new AtomicReference<>();
    Thread feed = Thread.ofPlatform().name("feed").start(() -> feed(failure));
    try {
      secondCell("up", "-d", "--wait");
      awaitReaders(2);
      awaitMinimum("min(rate(pipeline_frames_acknowledged_total[15s]))", RATE / 4);

      stack.compose("kill", "-s", "KILL", "reader-service");
      awaitReaders(1);
      awaitMinimum("sum(rate(pipeline_frames_acknowledged_total[15s]))", RATE * 3 / 4);
      stack.compose("up", "-d", "--wait");
      awaitReaders(2);
      awaitMinimum("min(rate(pipeline_frames_acknowledged_total[15s]))", RATE / 4);
    } finally {
      feed.interrupt();
      feed.join();
    }
    assertThat(failure.get()).isNull();
    assertEachNormOnce();
  }

  private static String secondCell(String... arguments) throws Exception {
    List<String> command =
        new ArrayList<>(
            List.of(
                "env",
                "CELLS_NETWORK=%s_default".formatted(stack.project()),
                "docker",
                "compose",
                "-p",
                stack.project() + "-cell2",
                "-f",
                "docker-compose.yml",
                "-f",
                "docker-compose.cell.yml"));
    command.addAll(List.of(arguments));
    ComposeStack.Result result = stack.run(command);
    assertThat(result.exitCode()).as(result.output()).isZero();
    return result.output();
  }

  private static void awaitReaders(int count) {
    await()
        .atMost(ComposeStack.LIMIT)
        .until(() -> stack.query("sum(up{job=\"reader-service\"})") == count);
  }

  private static void awaitMinimum(String expression, double minimum) {
    await()
        .atMost(ComposeStack.LIMIT)
        .untilAsserted(
            () -> assertThat(stack.query(expression)).as(expression).isGreaterThan(minimum));
  }

  /** Sends frames at a steady rate until the thread is interrupted. */
  private static void feed(AtomicReference<Exception> failure) {
    try (KafkaProducer<byte[], byte[]> producer = producer("none")) {
      long startNanos = System.nanoTime();
      for (int i = 0; !Thread.currentThread().isInterrupted(); i++) {
        send(producer, i % FRAMES);
        long dueNanos = startNanos + i * (TimeUnit.SECONDS.toNanos(1) / RATE);
        LockSupport.parkNanos(dueNanos - System.nanoTime());
      }
      // Else the interrupt would have it close at once.
      Thread.interrupted();
    } catch (RuntimeException e) {
      failure.set(e);
    }
  }

  private static KafkaProducer<byte[], byte[]> producer(String codec) {
    Map<String, Object> properties = new HashMap<>(client);
    properties.put(ProducerConfig.COMPRESSION_TYPE_CONFIG, codec);
    properties.put(ProducerConfig.LINGER_MS_CONFIG, 20);
    // The tests' heap is small.
    properties.put(ProducerConfig.BUFFER_MEMORY_CONFIG, 8 * 1024 * 1024);
    return new KafkaProducer<>(properties, new ByteArraySerializer(), new ByteArraySerializer());
  }

  /** One that fails is not among those sent. */
  @SuppressWarnings("FutureReturnValueIgnored")
  private static void send(KafkaProducer<byte[], byte[]> producer, int frame) {
    int start = frame * Reference.FRAME_LENGTH;
    byte[] value = Arrays.copyOfRange(BYTES, start, start + Reference.FRAME_LENGTH);
    producer.send(
        new ProducerRecord<>("frames", value),
        (metadata, failure) -> {
          if (failure == null) {
            SENT.put(metadata.partition() + ":" + metadata.offset() + ":0", frame);
          }
        });
  }

  private static void assertEachNormOnce() {
    Map<String, Object> properties = new HashMap<>(client);
    properties.put(ConsumerConfig.ISOLATION_LEVEL_CONFIG, "read_committed");
    properties.put(ConsumerConfig.FETCH_MAX_BYTES_CONFIG, 1024 * 1024);
    Map<String, String> norms = new HashMap<>();
    List<String> repeated = new ArrayList<>();
    try (KafkaConsumer<String, String> consumer =
        new KafkaConsumer<>(properties, new StringDeserializer(), new StringDeserializer())) {
      List<TopicPartition> partitions =
          consumer.partitionsFor("norms").stream()
              .map(info -> new TopicPartition("norms", info.partition()))
              .toList();
      consumer.assign(partitions);
      consumer.seekToBeginning(partitions);
      await()
          .atMost(ComposeStack.LIMIT)
          .pollInterval(Duration.ZERO)
          .pollInSameThread()
          .until(
              () -> {
                for (ConsumerRecord<String, String> record :
                    consumer.poll(Duration.ofMillis(200))) {
                  if (norms.put(record.key(), record.value()) != null) {
                    repeated.add(record.key());
                  }
                }
                Map<TopicPartition, Long> ends = consumer.endOffsets(partitions);
                return norms.size() >= SENT.size()
                    && partitions.stream().allMatch(p -> consumer.position(p) >= ends.get(p));
              });
    }
    assertThat(repeated).isEmpty();
    assertThat(norms.keySet()).isEqualTo(SENT.keySet());
    SENT.forEach(
        (key, frame) -> {
          double expected = Reference.norm(BYTES, frame);
          assertThat(Double.parseDouble(norms.get(key)))
              .isCloseTo(expected, within(expected * Reference.TOLERANCE));
        });
  }
}
