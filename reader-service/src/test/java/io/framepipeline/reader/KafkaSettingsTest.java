package io.framepipeline.reader;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.framepipeline.common.config.ExitException;
import io.framepipeline.common.config.Settings;
import java.util.HashMap;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import org.apache.kafka.clients.admin.AdminClientConfig;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.CooperativeStickyAssignor;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class KafkaSettingsTest {
  private static final String SERVERS = "KAFKA_BOOTSTRAP_SERVERS";

  @Test
  void shouldHandEachPropertyToTheClientsThatKnowIt() {
    KafkaSettings kafka =
        kafka(
            Map.of(
                "KAFKA_SECURITY_PROTOCOL",
                "SASL_SSL",
                "KAFKA_MAX_POLL_RECORDS",
                "7",
                "KAFKA_LINGER_MS",
                "9"));

    assertThat(kafka.consumer("g"))
        .containsEntry("bootstrap.servers", "a:1,b:2")
        .containsEntry("security.protocol", "SASL_SSL")
        .containsEntry("max.poll.records", "7")
        .doesNotContainKey("linger.ms");
    assertThat(kafka.producer("t"))
        .containsEntry("bootstrap.servers", "a:1,b:2")
        .containsEntry("security.protocol", "SASL_SSL")
        .containsEntry("linger.ms", "9")
        .doesNotContainKey("max.poll.records");
    assertThat(kafka.admin())
        .containsEntry("bootstrap.servers", "a:1,b:2")
        .containsEntry("security.protocol", "SASL_SSL")
        .doesNotContainKeys("linger.ms", "max.poll.records");
    assertThat(kafka.servers()).isEqualTo("a:1,b:2");
  }

  /** A name with other characters could not be given. */
  @Test
  void shouldHaveASettingForEachProperty() {
    for (Set<String> names :
        Set.of(
            ConsumerConfig.configNames(),
            ProducerConfig.configNames(),
            AdminClientConfig.configNames())) {
      assertThat(names).allMatch(name -> name.matches("[a-z0-9]+(\\.[a-z0-9]+)*"));
    }
  }

  @Test
  void shouldTakeSystemPropertiesToo() {
    Properties properties = new Properties();
    properties.setProperty("kafka.bootstrap.servers", "a:1");

    assertThat(KafkaSettings.read(new Settings(Map.of(), properties)).servers()).isEqualTo("a:1");
  }

  @Test
  void shouldReadOnceAndKeepUpWithADeadMember() {
    KafkaSettings kafka = kafka(Map.of());

    assertThat(kafka.consumer("g"))
        .containsEntry("group.id", "g")
        .containsEntry("enable.auto.commit", false)
        .containsEntry("isolation.level", "read_committed")
        .containsEntry("auto.offset.reset", "none")
        .containsEntry("group.protocol", "classic")
        .containsEntry("allow.auto.create.topics", false)
        .containsEntry("session.timeout.ms", "10000")
        .containsEntry("partition.assignment.strategy", CooperativeStickyAssignor.class.getName());
    assertThat(kafka.producer("t"))
        .containsEntry("transactional.id", "t")
        .containsEntry("acks", "all")
        .containsEntry("enable.idempotence", true)
        .containsEntry("transaction.timeout.ms", "10000");
  }

  @Test
  void shouldLetASettingChangeADefault() {
    Map<String, String> given =
        Map.of("KAFKA_SESSION_TIMEOUT_MS", "20000", "KAFKA_BUFFER_MEMORY", "1000000");

    assertThat(kafka(given).consumer("g")).containsEntry("session.timeout.ms", "20000");
    assertThat(kafka(given).producer("t")).containsEntry("buffer.memory", "1000000");
  }

  /**
   * Its thread must be back in time for signals and the liveness probe, whatever a commit may take.
   */
  @Test
  void shouldNotBlockInACallOfTheProducerThatWaitsForBrokers() {
    KafkaSettings kafka = kafka(Map.of("KAFKA_MAX_BLOCK_MS", "60000"));

    assertThat(kafka.patientProducer())
        .containsEntry("delivery.timeout.ms", Integer.MAX_VALUE)
        .containsEntry("max.block.ms", 1_000);
  }

  @Test
  void shouldNameTheGroupAfterTheTopicUnlessItIsGiven() {
    assertThat(kafka(Map.of()).groupOf("frames")).isEqualTo("frame-pipeline-frames");
    assertThat(kafka(Map.of("KAFKA_GROUP_ID", "mine")).groupOf("frames")).isEqualTo("mine");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "ACKS",
        "ALLOW_AUTO_CREATE_TOPICS",
        "AUTO_OFFSET_RESET",
        "ENABLE_AUTO_COMMIT",
        "ENABLE_IDEMPOTENCE",
        "GROUP_PROTOCOL",
        "ISOLATION_LEVEL",
        "KEY_DESERIALIZER",
        "KEY_SERIALIZER",
        "PARTITION_ASSIGNMENT_STRATEGY",
        "TRANSACTIONAL_ID",
        "TRANSACTION_TWO_PHASE_COMMIT_ENABLE",
        "VALUE_DESERIALIZER",
        "VALUE_SERIALIZER"
      })
  void shouldRefuseWhatThePromiseDependsOn(String name) {
    assertUsage(
        () -> kafka(Map.of("KAFKA_" + name, "x")),
        "KAFKA_%s=x: cannot be set, since 'each norm once' depends on it; leave it out"
            .formatted(name));
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "KAFKA_CLIENT_ID"})
  void shouldAskForTheBrokers(String given) {
    Map<String, String> environment = given.isEmpty() ? Map.of() : Map.of(given, "x", SERVERS, "");

    assertUsage(
        () -> KafkaSettings.read(new Settings(environment, new Properties())),
        "KAFKA_BOOTSTRAP_SERVERS: not set; give brokers as host:port,host:port");
  }

  @ParameterizedTest
  @CsvSource({
    "KAFKA_SESSION_TIMEOUT_MS, soon, session.timeout.ms",
    "KAFKA_MAX_POLL_RECORDS, 0, max.poll.records",
    "KAFKA_BUFFER_MEMORY, -1, buffer.memory",
    "KAFKA_SECURITY_PROTOCOL, TLS, security.protocol",
    "KAFKA_COMPRESSION_TYPE, rar, compression.type"
  })
  void shouldRefuseAValueThatTheClientsDoNotTake(String name, String value, String property) {
    ExitException refused =
        catchThrowableOfType(ExitException.class, () -> kafka(Map.of(name, value)));

    assertThat(refused)
        .isNotNull()
        .hasMessageContainingAll(value, property, "the property a.b is the setting KAFKA_A_B");
    assertThat(refused.getMessage()).doesNotContain("\n");
    assertThat(refused.exitCode()).isEqualTo(64);
  }

  /** What a container platform sets for a service named kafka, and what may be misspelt. */
  @ParameterizedTest
  @CsvSource({
    "KAFKA_PORT, tcp://10.0.0.1:9092",
    "KAFKA_PORT_9092_TCP, tcp://10.0.0.1:9092",
    "KAFKA_PORT_9092_TCP_ADDR, 10.0.0.1",
    "KAFKA_SERVICE_HOST, 10.0.0.1",
    "KAFKA_SERVICE_PORT, 9092",
    "KAFKA_SERVICE_PORT_CLIENTS, 9092",
    "KAFKA_BOOTSTRAP_SERVER, c:3",
    "KAFKA_HEAP_OPTS, -Xmx1g"
  })
  void shouldIgnoreWhatIsNoProperty(String name, String value) {
    KafkaSettings plain = kafka(Map.of());
    KafkaSettings kafka = kafka(Map.of(name, value));

    assertThat(kafka.consumer("g")).isEqualTo(plain.consumer("g"));
    assertThat(kafka.producer("t")).isEqualTo(plain.producer("t"));
    assertThat(kafka.admin()).isEqualTo(plain.admin());
  }

  /** The settings are logged. */
  @Test
  void shouldTellNoSecret() {
    String secret = "org.apache.kafka.common.security.plain.PlainLoginModule required password=x;";
    Settings settings =
        new Settings(
            Map.of(SERVERS, "a:1", "KAFKA_SASL_JAAS_CONFIG", secret, "KAFKA_SSL_KEY_PASSWORD", "y"),
            new Properties());

    KafkaSettings kafka = KafkaSettings.read(settings);

    assertThat(kafka.consumer("g")).containsEntry("sasl.jaas.config", secret);
    assertThat(settings.toString()).doesNotContain("password", "KAFKA_SSL_KEY_PASSWORD=y");
  }

  @Test
  void shouldKnowATopicByItsPrefix() {
    assertThat(KafkaSettings.topicOf("READER_SOURCE", "kafka:frames")).isEqualTo("frames");
    assertThat(KafkaSettings.topicOf("READER_SOURCE", "kafka:a.B_c-9")).isEqualTo("a.B_c-9");
    assertThat(KafkaSettings.topicOf("READER_SOURCE", "/dev/zero")).isNull();
    assertThat(KafkaSettings.topicOf("READER_SOURCE", "./kafka:frames")).isNull();
    assertThat(KafkaSettings.rejectedTopicOf("frames")).isEqualTo("frames-rejected");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "kafka:",
        "kafka:a b",
        "kafka:a/b",
        "kafka:a:b",
        "kafka:\u00e4",
        "kafka:.",
        "kafka:.."
      })
  void shouldRefuseWhatIsNoNameOfATopic(String value) {
    assertUsage(
        () -> KafkaSettings.topicOf("READER_SOURCE", value),
        "READER_SOURCE=%s: must be kafka: and a topic's name of up to 240 letters, digits, '.', '_' and '-'"
            .formatted(value));
  }

  private static KafkaSettings kafka(Map<String, String> given) {
    Map<String, String> environment = new HashMap<>(given);
    environment.put(SERVERS, "a:1,b:2");
    return KafkaSettings.read(new Settings(environment, new Properties()));
  }

  private static void assertUsage(ThrowingCallable call, String line) {
    ExitException refused = catchThrowableOfType(ExitException.class, call);
    assertThat(refused).isNotNull().hasMessage(line);
    assertThat(refused.exitCode()).isEqualTo(64);
  }
}
