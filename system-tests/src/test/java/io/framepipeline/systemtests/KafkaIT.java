package io.framepipeline.systemtests;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.awaitility.Awaitility.await;

import io.framepipeline.common.metrics.Figure;
import io.framepipeline.common.topology.Stage;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.RecordsToDelete;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.acl.AclOperation;
import org.apache.kafka.common.resource.ResourceType;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;

/** One cell and a real broker: from Kafka, to Kafka, and what is refused. */
@Timeout(value = 5, unit = TimeUnit.MINUTES)
class KafkaIT {
  /** More than a topic takes by default. */
  private static final int LARGE = 2 << 20;

  private static final Duration POLL_TIMEOUT = Duration.ofMillis(100);

  @TempDir private static Path brokerDirectory;
  private static KafkaBroker broker;
  private static KafkaProducer<byte[], byte[]> producer;
  private static int topics;

  private final NumberedFrames numbered = new NumberedFrames(21);
  private final String source = "frames" + ++topics;
  private final String rejected = source + "-rejected";
  private final String results = "norms" + topics;

  private final List<Future<?>> sent = new ArrayList<>();

  @TempDir private Path directory;

  @BeforeAll
  static void startBroker() throws Exception {
    broker = KafkaBroker.startSecure(brokerDirectory);
    producer = producer(broker);
  }

  @AfterAll
  static void stopBroker() {
    producer.close(Duration.ZERO);
    broker.close();
  }

  @Test
  void shouldComputeEachFrameOnceAndInOrder() throws Exception {
    createTopics(3, 2);
    for (int record = 0; record < 100; record++) {
      for (int partition = 0; partition < 3; partition++) {
        send(partition, frames(partition + 1, 1000L * record + 10L * partition));
      }
    }
    Map<String, String> environment = broker.environment();
    // As container engines do for the services that they know.
    environment.put("KAFKA_PORT", "tcp://192.0.2.1:9092");
    environment.put("KAFKA_SERVICE_HOST", "192.0.2.1");
    environment.put("KAFKA_PORT_9092_TCP_ADDR", "192.0.2.1");
    try (PipelineProcess run = run(environment, "--results=kafka:" + results, "--frames=600")) {
      assertThat(run.awaitExit()).as(run.err()).isZero();
      run.assertNothingLost(600);
      assertThat(run.report().get("framesReturned").asLong()).isZero();
      assertThat(run.err()).doesNotContain("KAFKA_PORT", "KAFKA_SERVICE");
    }
    List<ConsumerRecord<String, byte[]>> norms = read(results);
    for (int partition = 0; partition < 3; partition++) {
      String prefix = partition + ":";
      List<ConsumerRecord<String, byte[]>> ofPartition =
          norms.stream().filter(norm -> norm.key().startsWith(prefix)).toList();
      assertThat(ofPartition).extracting(ConsumerRecord::partition).containsOnly(partition % 2);
      assertKeys(ofPartition, partition, 100, partition + 1);
      for (int i = 0; i < ofPartition.size(); i++) {
        int frames = partition + 1;
        assertNorm(ofPartition.get(i), 1000L * (i / frames) + 10L * partition + i % frames);
      }
    }
    assertThat(read(rejected)).isEmpty();
  }

  @Test
  void shouldGoOnInsideARecord() throws Exception {
    createTopics(1, 1);
    for (int record = 0; record < 10; record++) {
      send(0, frames(3, 100L * record));
    }
    for (int frames : List.of(4, 1, 18, 7)) {
      try (PipelineProcess run =
          run(broker.environment(), "--results=kafka:" + results, "--frames=" + frames)) {
        assertThat(run.awaitExit()).as(run.err()).isZero();
        run.assertNothingLost(frames);
      }
    }
    List<ConsumerRecord<String, byte[]>> norms = read(results);
    assertKeys(norms, 0, 10, 3);
    for (int i = 0; i < norms.size(); i++) {
      assertNorm(norms.get(i), 100L * (i / 3) + i % 3);
    }
  }

  @Test
  void shouldRejectWhatIsNoWholeFrames() throws Exception {
    createTopics(1, 1, Map.of("max.message.bytes", Integer.toString(2 * LARGE)));
    send(0, frames(1, 0));
    send(0, null);
    send(0, new byte[0]);
    send(0, new byte[4095]);
    send(0, new byte[LARGE + 1]);
    send(0, frames(1, 5));
    try (PipelineProcess run = run(broker.environment(), "--results=kafka:" + results)) {
      await().atMost(PipelineProcess.LIMIT).until(() -> read(results).size() == 2);
      await().atMost(PipelineProcess.LIMIT).until(() -> read(rejected).size() == 4);
      assertThat(metrics(run))
          .contains("pipeline_records_rejected_total{stage=\"reader\"} 4")
          .contains("pipeline_source_partitions{stage=\"reader\"} 1")
          .contains("kafka_consumer_")
          .contains("kafka_producer_");
      run.assertDrains();
    }
    assertThat(read(results)).extracting(ConsumerRecord::key).containsExactly("0:0:0", "0:5:0");
    List<ConsumerRecord<String, byte[]>> notices = read(rejected);
    assertThat(notices)
        .extracting(notice -> header(notice, "offset"))
        .containsExactly("1", "2", "3", "4");
    assertThat(notices).extracting(notice -> header(notice, "topic")).containsOnly(source);
    assertThat(notices).extracting(notice -> header(notice, "partition")).containsOnly("0");
    assertThat(notices).extracting(notice -> header(notice, "reason")).noneMatch(String::isBlank);
    assertThat(notices.get(0).value()).isNull();
    assertThat(notices.get(1).value()).isEmpty();
    assertThat(notices.get(2).value()).hasSize(4095);
    // Cut: more than the topic takes.
    assertThat(notices.get(3).value()).hasSizeBetween(100_000, 1 << 20);
  }

  @Test
  void shouldPadAPartialFrame() throws Exception {
    createTopics(1, 1);
    byte[] whole = frames(2, 0);
    byte[] partial = Arrays.copyOf(whole, 5000);
    send(0, partial);
    try (PipelineProcess run =
        run(
            broker.environment(),
            "--results=kafka:" + results,
            "--partial-frame=pad",
            "--frames=2")) {
      assertThat(run.awaitExit()).as(run.err()).isZero();
      run.assertNothingLost(2);
    }
    List<ConsumerRecord<String, byte[]>> norms = read(results);
    assertKeys(norms, 0, 1, 2);
    assertNorm(norms.get(0), 0);
    byte[] padded = Arrays.copyOf(partial, 2 * Reference.FRAME_LENGTH);
    double expected = Reference.norm(padded, 1);
    assertThat(norm(norms.get(1))).isCloseTo(expected, within(expected * Reference.TOLERANCE));
    assertThat(read(rejected)).isEmpty();
  }

  @Test
  void shouldShareATopicAmongTheReadersOfACell() throws Exception {
    createTopics(4, 4);
    try (PipelineProcess run =
        run(broker.environment(), "--results=kafka:" + results, "--readers=2")) {
      await()
          .atMost(PipelineProcess.LIMIT)
          .until(
              () ->
                  run.services(Stage.READER).size() == 2
                      && run.services(Stage.READER).stream()
                          .allMatch(
                              reader ->
                                  run.stats(reader).counter(Figure.SOURCE_PARTITIONS).get() == 2));
      for (int record = 0; record < 200; record++) {
        send(record % 4, frames(1, record));
      }
      await().atMost(PipelineProcess.LIMIT).until(() -> read(results).size() >= 200);
      run.assertDrains();
      assertThat(run.report().get("framesRead").asLong()).isEqualTo(200);
    }
    assertThat(read(results).stream().map(ConsumerRecord::key).distinct()).hasSize(200);
    assertThat(read(results)).hasSize(200);
  }

  /** Its successor is another member, which reads from the committed positions on. */
  @Test
  void shouldWriteEachNormOnceThoughTheReaderIsKilled() throws Exception {
    createTopics(2, 2);
    Map<String, String> environment = broker.environment();
    environment.put("KAFKA_SESSION_TIMEOUT_MS", "6000");
    int records = 2000;
    for (int record = 0; record < records; record++) {
      send(record % 2, frames(1, record));
    }
    try (PipelineProcess run = run(environment, "--results=kafka:" + results, "--rate=500")) {
      for (int kill = 0; kill < 2; kill++) {
        int expected = read(results).size() + 200;
        await().atMost(PipelineProcess.LIMIT).until(() -> read(results).size() >= expected);
        PipelineProcess.signal(run.services(Stage.READER), "KILL");
      }
      await().atMost(PipelineProcess.LIMIT).until(() -> read(results).size() >= records);
      run.signal("TERM");
      assertThat(run.awaitExit()).as(run.err()).isZero();
      JsonNode report = run.report();
      assertThat(report.get("framesLost").asLong()).isZero();
      assertThat(report.get("framesRead").asLong())
          .isGreaterThanOrEqualTo(records)
          .isEqualTo(
              report.get("framesAcknowledged").asLong() + report.get("framesReturned").asLong());
    }
    List<ConsumerRecord<String, byte[]>> norms = read(results);
    for (int partition = 0; partition < 2; partition++) {
      int number = partition;
      assertKeys(
          norms.stream().filter(norm -> norm.partition() == number).toList(),
          partition,
          records / 2,
          1);
    }
  }

  /** Kafka itself knows what a dead reader has committed. */
  @ParameterizedTest
  @ValueSource(ints = {0, 3})
  void shouldWriteTheResultsOfAnotherSourceOnceThoughTheReaderIsKilled(int kills) throws Exception {
    createTopics(1, 3);
    int frames = 1000 + 3000 * kills;
    try (PipelineProcess run =
        PipelineProcess.run(
            directory,
            broker.environment(),
            "--source=/dev/zero",
            "--results=kafka:" + results,
            "--rate=1000",
            "--frames=" + frames)) {
      for (int kill = 0; kill < kills; kill++) {
        int expected = read(results).size() + 500;
        await().atMost(PipelineProcess.LIMIT).until(() -> read(results).size() >= expected);
        PipelineProcess.signal(run.services(Stage.READER), "KILL");
      }
      assertThat(run.awaitExit()).as(run.err()).isZero();
      run.assertNothingLost(frames);
    }
    List<ConsumerRecord<String, byte[]>> norms = read(results);
    assertThat(norms)
        .extracting(ConsumerRecord::key)
        .containsExactlyElementsOf(
            IntStream.range(0, frames).mapToObj(sequence -> "0:" + sequence).toList());
    assertThat(norms).allMatch(norm -> norm(norm) == 64.0);
  }

  @Test
  void shouldWriteTheResultsOfATopicToAFile() throws Exception {
    createTopics(1, 1);
    for (int record = 0; record < 500; record++) {
      send(0, frames(1, record));
    }
    Path file = directory.resolve("norms");
    try (PipelineProcess run = run(broker.environment(), "--results=" + file, "--frames=500")) {
      assertThat(run.awaitExit()).as(run.err()).isZero();
      run.assertNothingLost(500);
    }
    List<String> lines = Files.readAllLines(file);
    assertThat(lines).hasSize(500);
    for (int i = 0; i < lines.size(); i++) {
      String[] line = lines.get(i).split(" ", -1);
      assertThat(line[0] + " " + line[1]).isEqualTo("0 " + i);
      assertThat(numbered.isNorm(Double.parseDouble(line[2]), i)).as("norm of %s", i).isTrue();
    }
    // The positions are committed: there is nothing left for another run.
    send(0, frames(1, 500));
    try (PipelineProcess run = run(broker.environment(), "--results=" + file, "--frames=1")) {
      assertThat(run.awaitExit()).as(run.err()).isZero();
    }
    assertThat(Files.readAllLines(file)).hasSize(1);
    String norm = Files.readString(file).strip().split(" ", -1)[2];
    assertThat(numbered.isNorm(Double.parseDouble(norm), 500)).isTrue();
  }

  @Test
  void shouldWaitForABroker() throws Exception {
    try (KafkaBroker later = KafkaBroker.start(directory)) {
      for (String topic : List.of("frames", "frames-rejected", "norms")) {
        later.createTopic(topic, 1);
      }
      later.stop();
      try (PipelineProcess run =
          PipelineProcess.run(
              directory,
              later.environment(),
              "--source=kafka:frames",
              "--results=kafka:norms",
              "--frames=1")) {
        await()
            .atMost(PipelineProcess.LIMIT)
            .until(() -> run.err().contains("KAFKA_BOOTSTRAP_SERVERS=" + later.servers()));
        later.start();
        try (KafkaProducer<byte[], byte[]> sender = producer(later)) {
          sender
              .send(new ProducerRecord<>("frames", 0, null, frames(1, 0)))
              .get(1, TimeUnit.MINUTES);
        }
        assertThat(run.awaitExit()).as(run.err()).isZero();
        run.assertNothingLost(1);
      }
      assertThat(read(later, "norms")).extracting(ConsumerRecord::key).containsExactly("0:0:0");
    }
  }

  @Test
  void shouldEndWithALineIfThereIsNoBrokerAndItIsToldToStop() throws Exception {
    try (KafkaBroker missing = KafkaBroker.stopped(directory);
        PipelineProcess run = run(missing.environment(), "--results=kafka:" + results)) {
      await()
          .atMost(PipelineProcess.LIMIT)
          .until(() -> run.err().contains("KAFKA_BOOTSTRAP_SERVERS=" + missing.servers()));
      run.assertDrains();
      assertThat(run.report().get("framesRead").asLong()).isZero();
    }
  }

  @Test
  void shouldEndWithALineIfATopicIsMissing() throws Exception {
    assertEnds(66, broker.environment(), source, "--results=kafka:" + results);
    broker.createTopic(source, 1);
    assertEnds(74, broker.environment(), rejected, "--results=kafka:" + results);
    broker.createTopic(rejected, 1);
    assertEnds(74, broker.environment(), results, "--results=kafka:" + results);
  }

  @Test
  void shouldEndWithALineAndACountIfRecordsAreGone() throws Exception {
    createTopics(1, 1);
    for (int record = 0; record < 20; record++) {
      send(0, frames(1, record));
    }
    try (PipelineProcess run =
        run(broker.environment(), "--results=kafka:" + results, "--frames=5")) {
      assertThat(run.awaitExit()).as(run.err()).isZero();
    }
    try (Admin admin = broker.admin()) {
      admin
          .deleteRecords(Map.of(new TopicPartition(source, 0), RecordsToDelete.beforeOffset(12)))
          .all()
          .get(60, TimeUnit.SECONDS);
    }
    String line = assertEnds(66, broker.environment(), source, "--results=kafka:" + results);
    assertThat(line).contains(" 7 records");
    assertThat(read(results)).hasSize(5);
  }

  @Test
  void shouldRefuseWhatThePromiseDependsOnBeforeAnythingIsStarted() throws Exception {
    assertRefused("KAFKA_BOOTSTRAP_SERVERS", Map.of());
    for (String name :
        List.of(
            "ENABLE_AUTO_COMMIT",
            "ISOLATION_LEVEL",
            "AUTO_OFFSET_RESET",
            "GROUP_PROTOCOL",
            "PARTITION_ASSIGNMENT_STRATEGY",
            "TRANSACTIONAL_ID",
            "ENABLE_IDEMPOTENCE",
            "ACKS",
            "KEY_SERIALIZER",
            "VALUE_DESERIALIZER",
            "ALLOW_AUTO_CREATE_TOPICS")) {
      Map<String, String> environment = broker.environment();
      environment.put("KAFKA_" + name, "all");
      assertRefused("KAFKA_" + name, environment);
    }
    Map<String, String> environment = broker.environment();
    environment.put("KAFKA_SESSION_TIMEOUT_MS", "soon");
    assertRefused("session.timeout.ms", environment);
  }

  @Test
  void shouldSpeakTlsAndLogIn() throws Exception {
    createTopics(1, 1);
    send(0, frames(1, 0));
    try (PipelineProcess run =
        run(
            broker.secureEnvironment(KafkaBroker.PASSWORD),
            "--results=kafka:" + results,
            "--frames=1")) {
      assertThat(run.awaitExit()).as(run.err()).isZero();
      run.assertNothingLost(1);
      assertThat(run.err()).doesNotContain(KafkaBroker.PASSWORD);
    }
    assertThat(read(results)).hasSize(1);
    String wrong = "not-" + KafkaBroker.PASSWORD;
    String line =
        assertEnds(
            66, broker.secureEnvironment(wrong), "uthentication", "--results=kafka:" + results);
    assertThat(line).doesNotContain(wrong);
  }

  @ParameterizedTest
  @CsvSource({
    "READ, TOPIC, SOURCE, 66, Not authorized to access topics: [SOURCE]",
    "DESCRIBE, TOPIC, SOURCE, 66, Topic authorization failed",
    "READ, GROUP, frame-pipeline-SOURCE, 66, Not authorized to access group: frame-pipeline-SOURCE",
    "WRITE, TOPIC, SOURCE-rejected, 74, Not authorized to access topics: [SOURCE-rejected]",
    "WRITE, TOPIC, RESULTS, 74, Not authorized to access topics: [RESULTS]",
    "WRITE, TRANSACTIONAL_ID, frame-pipeline-SOURCE, 74, Transactional Id authorization failed",
  })
  void shouldNameTheRightThatIsMissing(
      AclOperation operation, ResourceType type, String name, int exitCode, String reason)
      throws Exception {
    createTopics(1, 1);
    send(0, frames(1, 0));
    send(0, new byte[1]);
    broker.deny(operation, type, inThisTest(name));
    String line =
        assertEnds(
            exitCode,
            broker.secureEnvironment(KafkaBroker.PASSWORD),
            inThisTest(reason),
            "--results=kafka:" + results);
    assertThat(line).endsWith("; grant this user that right");
    assertThat(read(results)).isEmpty();
  }

  private String inThisTest(String text) {
    return text.replace("SOURCE", source).replace("RESULTS", results);
  }

  private void createTopics(int sourcePartitions, int resultsPartitions) {
    createTopics(sourcePartitions, resultsPartitions, Map.of());
  }

  private void createTopics(
      int sourcePartitions, int resultsPartitions, Map<String, String> sourceProperties) {
    broker.createTopic(source, sourcePartitions, sourceProperties);
    broker.createTopic(rejected, 1);
    broker.createTopic(results, resultsPartitions);
  }

  private PipelineProcess run(Map<String, String> environment, String... options) throws Exception {
    awaitSent();
    String[] all =
        Stream.concat(Stream.of("--source=kafka:" + source), Stream.of(options))
            .toArray(String[]::new);
    return PipelineProcess.run(directory, environment, all);
  }

  /** Returns the one line of the reader that says why. */
  private String assertEnds(
      int exitCode, Map<String, String> environment, String reason, String... options)
      throws Exception {
    try (PipelineProcess run = run(environment, options)) {
      assertThat(run.awaitExit()).as(run.err()).isEqualTo(exitCode);
      List<String> lines = run.err().lines().filter(line -> line.startsWith("reader: ")).toList();
      assertThat(lines).as(run.err()).hasSize(1);
      assertThat(lines.getFirst()).contains(reason);
      assertThat(run.err()).doesNotContain("Exception");
      return lines.getFirst();
    }
  }

  private void assertRefused(String reason, Map<String, String> environment) throws Exception {
    try (PipelineProcess run = run(environment, "--results=kafka:" + results)) {
      assertThat(run.awaitExit()).as(reason).isEqualTo(64);
      assertThat(run.err().lines()).singleElement().asString().contains(reason);
      assertThat(run.runDirectory()).doesNotExist();
    }
  }

  private byte[] frames(int count, long number) {
    ByteBuffer value = ByteBuffer.allocate(count * Reference.FRAME_LENGTH);
    for (int i = 0; i < count; i++) {
      numbered.put(value, number + i);
    }
    return value.array();
  }

  private static KafkaProducer<byte[], byte[]> producer(KafkaBroker broker) {
    Map<String, Object> properties = broker.clientProperties();
    properties.put(ProducerConfig.MAX_REQUEST_SIZE_CONFIG, 2 * LARGE);
    return new KafkaProducer<>(properties, new ByteArraySerializer(), new ByteArraySerializer());
  }

  /** Sends a record to the source; {@link #run} waits for those before it. */
  private void send(int partition, byte[] value) {
    sent.add(producer.send(new ProducerRecord<>(source, partition, null, value)));
  }

  private void awaitSent() throws Exception {
    for (Future<?> record : sent) {
      record.get(PipelineProcess.LIMIT.toSeconds(), TimeUnit.SECONDS);
    }
    sent.clear();
  }

  private List<ConsumerRecord<String, byte[]>> read(String topic) {
    return read(broker, topic);
  }

  /** What a topic holds now, read committed, each partition in its order. */
  private static List<ConsumerRecord<String, byte[]>> read(KafkaBroker broker, String topic) {
    Map<String, Object> properties = broker.clientProperties();
    properties.put(ConsumerConfig.ISOLATION_LEVEL_CONFIG, "read_committed");
    try (KafkaConsumer<String, byte[]> consumer =
        new KafkaConsumer<>(properties, new StringDeserializer(), new ByteArrayDeserializer())) {
      List<TopicPartition> partitions =
          consumer.partitionsFor(topic).stream()
              .map(info -> new TopicPartition(topic, info.partition()))
              .toList();
      consumer.assign(partitions);
      consumer.seekToBeginning(partitions);
      Map<TopicPartition, Long> ends = consumer.endOffsets(partitions);
      List<ConsumerRecord<String, byte[]>> records = new ArrayList<>();
      while (ends.entrySet().stream()
          .anyMatch(end -> consumer.position(end.getKey()) < end.getValue())) {
        consumer.poll(POLL_TIMEOUT).forEach(records::add);
      }
      return records;
    }
  }

  private static String header(ConsumerRecord<String, byte[]> record, String name) {
    return new String(record.headers().lastHeader(name).value(), StandardCharsets.UTF_8);
  }

  private static String metrics(PipelineProcess run) throws Exception {
    long port = run.stats(Stage.READER).counter(Figure.METRICS_PORT).get();
    try (HttpClient client = HttpClient.newHttpClient()) {
      URI page = URI.create("http://127.0.0.1:" + port + "/metrics");
      return client.send(HttpRequest.newBuilder(page).build(), BodyHandlers.ofString()).body();
    }
  }

  /** Checks the keys of all frames of a partition's records, in their order. */
  private static void assertKeys(
      List<ConsumerRecord<String, byte[]>> norms, int partition, int records, int framesOfEach) {
    assertThat(norms)
        .extracting(ConsumerRecord::key)
        .containsExactlyElementsOf(
            IntStream.range(0, records * framesOfEach)
                .mapToObj(
                    frame -> partition + ":" + frame / framesOfEach + ":" + frame % framesOfEach)
                .toList());
  }

  private void assertNorm(ConsumerRecord<String, byte[]> result, long number) {
    assertThat(numbered.isNorm(norm(result), number)).as("norm of %s", result.key()).isTrue();
  }

  private static double norm(ConsumerRecord<String, byte[]> result) {
    return Double.parseDouble(new String(result.value(), StandardCharsets.UTF_8));
  }
}
