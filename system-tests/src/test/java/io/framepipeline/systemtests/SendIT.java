package io.framepipeline.systemtests;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code ./pipeline send}: a source's frames get into a topic, each once and in order. */
class SendIT {
  private static final int FRAMES = 20_000;
  private static final TopicPartition PARTITION = new TopicPartition("frames", 0);
  private static final Duration POLL_TIMEOUT = Duration.ofMillis(100);
  private static final Pattern LEDGER =
      Pattern.compile("ledger: read ([\\d,]+) = acknowledged ([\\d,]+) \\+ in flight 0");

  /** The local address and the inode, in a line of the kernel's table of sockets. */
  private static final Pattern LISTENER =
      Pattern.compile(" *\\d+: (\\w+):\\w+ \\w+:\\w+ 0A \\S+ \\S+ \\S+ +\\d+ +\\d+ (\\d+) .*");

  @TempDir private Path directory;
  private final NumberedFrames numbered = new NumberedFrames(5);
  private KafkaBroker broker;

  @BeforeEach
  void startBroker() throws IOException {
    broker = KafkaBroker.start(directory);
    broker.createTopic(PARTITION.topic(), 1);
  }

  @AfterEach
  void stopBroker() {
    broker.close();
  }

  @Test
  void shouldWriteEachFrameOnceAndInOrderThoughTheBrokerIsKilled() throws Exception {
    Path input = directory.resolve("input");
    try (OutputStream file = Files.newOutputStream(input)) {
      for (int number = 0; number < FRAMES; number++) {
        file.write(frame(number));
      }
    }
    Process send = send("--source", input.toString(), "--rate", "4000", "--to", "kafka:frames");
    try {
      await().atMost(PipelineProcess.LIMIT).until(() -> end() > 0);
      broker.kill();
      broker.start();
      awaitExit(send);
    } finally {
      send.destroyForcibly();
    }
    assertThat(send.exitValue()).as(err()).isZero();
    assertThat(ledger()).isEqualTo(FRAMES);
    int[] number = {0};
    readAll(frame -> assertThat(frame).as("frame %s", number[0]).isEqualTo(frame(number[0]++)));
    assertThat(number[0]).isEqualTo(FRAMES);
  }

  @Test
  void shouldWriteWhatItHasReadWhenItIsToldToStop() throws Exception {
    Process send = send("--source", "/dev/zero", "--rate", "3000", "--to", "kafka:frames");
    try {
      await().atMost(PipelineProcess.LIMIT).until(() -> end() > 0);
      // Its metrics, which are for this machine only. A descriptor may be closed as it is read.
      await()
          .atMost(PipelineProcess.LIMIT)
          .ignoreException(NoSuchFileException.class)
          .untilAsserted(
              () ->
                  assertThat(listeners(send.pid()))
                      .singleElement()
                      .isIn("0100007F", "0000000000000000FFFF00000100007F"));
      PipelineProcess.signal(send.pid(), "TERM");
      awaitExit(send);
    } finally {
      send.destroyForcibly();
    }
    assertHasWrittenWhatItRead(send);
  }

  /** The kernel and the terminal's shell both tell it. */
  @Test
  void shouldWriteWhatItHasReadWhenItsTerminalEnds() throws Exception {
    Process send = send("--source", "/dev/zero", "--rate", "3000", "--to", "kafka:frames");
    try {
      await().atMost(PipelineProcess.LIMIT).until(() -> end() > 0);
      broker.kill();
      PipelineProcess.signal(send.pid(), "HUP");
      PipelineProcess.signal(send.pid(), "HUP");
      broker.start();
      awaitExit(send);
    } finally {
      send.destroyForcibly();
    }
    assertHasWrittenWhatItRead(send);
  }

  @Test
  void shouldEndWithALineIfItCannotBegin() throws Exception {
    assertRefused(74, "Kafka has no topic nothing", Map.of(), "--to", "kafka:nothing");
    assertRefused(64, "must be kafka:TOPIC", Map.of(), "--to", "frames");
    assertRefused(64, "leave them out", Map.of("READER_RESULTS", "-"), "--to", "kafka:frames");
    assertRefused(64, "leave them out", Map.of(), "--source=kafka:frames", "--to=kafka:frames");
    assertRefused(66, "no such file", Map.of(), "--source", "/nothing", "--to", "kafka:frames");
  }

  private void assertRefused(
      int exitCode, String reason, Map<String, String> environment, String... options)
      throws Exception {
    Process send = send(environment, options);
    try {
      awaitExit(send);
    } finally {
      send.destroyForcibly();
    }
    assertThat(send.exitValue()).as(err()).isEqualTo(exitCode);
    assertThat(err().lines().filter(line -> line.startsWith("pipeline send: ")))
        .singleElement()
        .asString()
        .contains(reason);
    assertThat(err()).doesNotContain("Exception");
  }

  private Process send(String... options) throws IOException {
    return send(Map.of(), options);
  }

  private Process send(Map<String, String> environment, String... options) throws IOException {
    ProcessBuilder builder =
        new ProcessBuilder(PipelineProcess.HOME.resolve("pipeline").toString(), "send");
    builder.command().addAll(List.of(options));
    builder.environment().putAll(broker.environment());
    builder.environment().putAll(environment);
    return builder.redirectError(errFile().toFile()).start();
  }

  private void assertHasWrittenWhatItRead(Process send) throws Exception {
    assertThat(send.exitValue()).as(err()).isZero();
    int[] count = {0};
    readAll(frame -> count[0]++);
    assertThat(count[0]).isEqualTo(ledger());
  }

  private static void awaitExit(Process send) throws InterruptedException {
    assertThat(send.waitFor(PipelineProcess.LIMIT.toSeconds(), TimeUnit.SECONDS)).isTrue();
  }

  /** The addresses at which a process listens, in hexadecimal, as the kernel lists them. */
  private static List<String> listeners(long pid) throws IOException {
    Set<String> sockets = new HashSet<>();
    try (DirectoryStream<Path> descriptors =
        Files.newDirectoryStream(Path.of("/proc/" + pid + "/fd"))) {
      for (Path descriptor : descriptors) {
        sockets.add(Files.readSymbolicLink(descriptor).toString());
      }
    }
    List<String> addresses = new ArrayList<>();
    for (Path table : List.of(Path.of("/proc/net/tcp"), Path.of("/proc/net/tcp6"))) {
      for (String line : Files.exists(table) ? Files.readAllLines(table) : List.<String>of()) {
        Matcher listener = LISTENER.matcher(line);
        if (listener.matches() && sockets.contains("socket:[" + listener.group(2) + "]")) {
          addresses.add(listener.group(1));
        }
      }
    }
    // The kernel lists a socket twice if others open while its table is read in pieces.
    return addresses.stream().distinct().toList();
  }

  private Path errFile() {
    return directory.resolve("err");
  }

  private String err() throws IOException {
    return Files.readString(errFile());
  }

  /** Frames that the closed ledger names. */
  private int ledger() throws IOException {
    Matcher ledger = LEDGER.matcher(err());
    assertThat(ledger.find()).as(err()).isTrue();
    assertThat(ledger.group(2)).isEqualTo(ledger.group(1));
    return Integer.parseInt(ledger.group(1).replace(",", ""));
  }

  private long end() {
    try (KafkaConsumer<byte[], byte[]> consumer = consumer()) {
      return consumer.endOffsets(List.of(PARTITION)).get(PARTITION);
    }
  }

  private byte[] frame(int number) {
    ByteBuffer frame = ByteBuffer.allocate(Reference.FRAME_LENGTH);
    numbered.put(frame, number);
    return frame.array();
  }

  /** Hands over each frame of the topic, in the order there. */
  private void readAll(Consumer<byte[]> onFrame) {
    try (KafkaConsumer<byte[], byte[]> consumer = consumer()) {
      consumer.assign(List.of(PARTITION));
      consumer.seekToBeginning(List.of(PARTITION));
      long end = consumer.endOffsets(List.of(PARTITION)).get(PARTITION);
      while (consumer.position(PARTITION) < end) {
        for (ConsumerRecord<byte[], byte[]> record : consumer.poll(POLL_TIMEOUT)) {
          assertThat(record.value().length % Reference.FRAME_LENGTH).isZero();
          for (int start = 0; start < record.value().length; start += Reference.FRAME_LENGTH) {
            onFrame.accept(
                Arrays.copyOfRange(record.value(), start, start + Reference.FRAME_LENGTH));
          }
        }
      }
    }
  }

  private KafkaConsumer<byte[], byte[]> consumer() {
    return new KafkaConsumer<>(
        broker.clientProperties(), new ByteArrayDeserializer(), new ByteArrayDeserializer());
  }
}
