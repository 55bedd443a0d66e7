package io.framepipeline.reader;

import io.framepipeline.common.config.ExitCode;
import io.framepipeline.common.config.ExitException;
import io.framepipeline.common.config.Settings;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Pattern;
import org.apache.kafka.clients.admin.AdminClientConfig;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.CooperativeStickyAssignor;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.common.config.ConfigException;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.serialization.ByteBufferDeserializer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The properties of Kafka's clients. A setting {@code KAFKA_BOOTSTRAP_SERVERS} is the property
 * {@code bootstrap.servers}, and so on for each property of a consumer, a producer or an admin
 * client. Those that "each norm once" depends on cannot be set.
 */
public final class KafkaSettings {
  private static final Logger LOG = LoggerFactory.getLogger(KafkaSettings.class);

  private static final String PREFIX = "KAFKA_";
  private static final String TOPIC_PREFIX = "kafka:";
  private static final String REJECTED_SUFFIX = "-rejected";
  private static final String GROUP_PREFIX = "frame-pipeline-";

  /** As Kafka allows it, with room for the suffix. */
  private static final Pattern TOPIC_NAME = Pattern.compile("(?!\\.{1,2}$)[a-zA-Z0-9._-]{1,240}");

  /**
   * What the promise depends on. The classic group protocol, because there the client says after
   * what silence it is dead; with the newer one it is the broker, after 45 s or more.
   */
  private static final Map<String, Object> FIXED =
      Map.ofEntries(
          Map.entry(ConsumerConfig.ALLOW_AUTO_CREATE_TOPICS_CONFIG, false),
          Map.entry(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG, "none"),
          Map.entry(ConsumerConfig.ENABLE_AUTO_COMMIT_CONFIG, false),
          Map.entry(ConsumerConfig.GROUP_PROTOCOL_CONFIG, "classic"),
          Map.entry(ConsumerConfig.ISOLATION_LEVEL_CONFIG, "read_committed"),
          Map.entry(
              ConsumerConfig.PARTITION_ASSIGNMENT_STRATEGY_CONFIG,
              CooperativeStickyAssignor.class.getName()),
          Map.entry(
              ConsumerConfig.KEY_DESERIALIZER_CLASS_CONFIG, ByteArrayDeserializer.class.getName()),
          Map.entry(
              ConsumerConfig.VALUE_DESERIALIZER_CLASS_CONFIG,
              ByteBufferDeserializer.class.getName()),
          Map.entry(ProducerConfig.ACKS_CONFIG, "all"),
          Map.entry(ProducerConfig.ENABLE_IDEMPOTENCE_CONFIG, true),
          Map.entry(ProducerConfig.TRANSACTION_TWO_PHASE_COMMIT_ENABLE_CONFIG, false),
          Map.entry(
              ProducerConfig.KEY_SERIALIZER_CLASS_CONFIG, ByteArraySerializer.class.getName()),
          Map.entry(
              ProducerConfig.VALUE_SERIALIZER_CLASS_CONFIG, ByteArraySerializer.class.getName()));

  /**
   * What a setting may change. A dead reader costs the group a pause of the session time-out. An
   * open transaction blocks those who read the results. The buffers fit the reader's heap. A poll
   * takes all of a fetch, since the client fetches more only then. The kernel sizes the receive
   * buffer: Kafka's 64 KiB are small for fetches of megabytes. A transaction's results go in few
   * batches, each of which costs the broker the same.
   */
  private static final Map<String, String> DEFAULTS =
      Map.of(
          ConsumerConfig.SESSION_TIMEOUT_MS_CONFIG, "10000",
          ConsumerConfig.FETCH_MAX_BYTES_CONFIG, "16777216",
          ConsumerConfig.MAX_POLL_RECORDS_CONFIG, "4096",
          ConsumerConfig.RECEIVE_BUFFER_CONFIG, "-1",
          ProducerConfig.BUFFER_MEMORY_CONFIG, "16777216",
          ProducerConfig.BATCH_SIZE_CONFIG, "131072",
          ProducerConfig.MAX_BLOCK_MS_CONFIG, "10000",
          ProducerConfig.TRANSACTION_TIMEOUT_CONFIG, "10000");

  private static final int PATIENT_CALL_MILLIS = 1_000;

  private final Map<String, String> given = new TreeMap<>();

  private KafkaSettings() {}

  /**
   * The topic of a source or of results.
   *
   * @param name of the setting
   * @return null if the value is not {@code kafka:TOPIC}
   * @throws ExitException with {@link ExitCode#USAGE} if there can be no such topic
   */
  static String topicOf(String name, String value) {
    if (!value.startsWith(TOPIC_PREFIX)) {
      return null;
    }
    String topic = value.substring(TOPIC_PREFIX.length());
    if (!TOPIC_NAME.matcher(topic).matches()) {
      throw Settings.malformed(
          name, value, "kafka: and a topic's name of up to 240 letters, digits, '.', '_' and '-'");
    }
    return topic;
  }

  /** The topic that gets the records of a topic that hold no whole frames. */
  static String rejectedTopicOf(String topic) {
    return topic + REJECTED_SUFFIX;
  }

  /**
   * Reads and checks the settings.
   *
   * @throws ExitException with {@link ExitCode#USAGE} if one is malformed, refused or missing
   */
  public static KafkaSettings read(Settings settings) {
    Set<String> known = new TreeSet<>(ConsumerConfig.configNames());
    known.addAll(ProducerConfig.configNames());
    known.addAll(AdminClientConfig.configNames());
    KafkaSettings kafka = new KafkaSettings();
    settings
        .withPrefix(PREFIX)
        .forEach(
            (name, value) -> {
              String property = Settings.propertyName(name.substring(PREFIX.length()));
              if (FIXED.containsKey(property)
                  || property.equals(ProducerConfig.TRANSACTIONAL_ID_CONFIG)) {
                throw new ExitException(
                    ExitCode.USAGE,
                    "%s=%s: cannot be set, since 'each norm once' depends on it; leave it out"
                        .formatted(name, value));
              }
              if (known.contains(property)) {
                kafka.given.put(property, value);
              }
            });
    SortedSet<String> unknown = settings.unknown(PREFIX);
    unknown.removeIf(
        name -> known.contains(Settings.propertyName(name.substring(PREFIX.length()))));
    if (!unknown.isEmpty()) {
      LOG.warn("no such property of Kafka's clients, ignored: {}", String.join(", ", unknown));
    }
    kafka.check();
    return kafka;
  }

  private void check() {
    if (!given.containsKey(ConsumerConfig.BOOTSTRAP_SERVERS_CONFIG)) {
      throw new ExitException(
          ExitCode.USAGE, "KAFKA_BOOTSTRAP_SERVERS: not set; give brokers as host:port,host:port");
    }
    try {
      new ConsumerConfig(consumer("group"));
      new ProducerConfig(producer("id"));
    } catch (ConfigException e) {
      throw wrong(e.getMessage());
    }
  }

  /** The exception for properties that the clients do not take. */
  static ExitException wrong(String why) {
    return new ExitException(
        ExitCode.USAGE, "%s; the property a.b is the setting %sA_B".formatted(why, PREFIX));
  }

  /** The brokers, as the user gave them. */
  String servers() {
    return given.get(ConsumerConfig.BOOTSTRAP_SERVERS_CONFIG);
  }

  /** The consumer group that reads a topic. */
  String groupOf(String topic) {
    return given.getOrDefault(ConsumerConfig.GROUP_ID_CONFIG, GROUP_PREFIX + topic);
  }

  /** The properties of a member of a consumer group. */
  Properties consumer(String group) {
    Properties properties = properties(ConsumerConfig.configNames());
    properties.put(ConsumerConfig.GROUP_ID_CONFIG, group);
    return properties;
  }

  /** The properties of a producer with transactions. */
  Properties producer(String transactionalId) {
    Properties properties = properties(ProducerConfig.configNames());
    properties.put(ProducerConfig.TRANSACTIONAL_ID_CONFIG, transactionalId);
    return properties;
  }

  /**
   * The properties of a producer that waits for brokers for as long as it takes. But a call of it
   * is short, so that its thread still sees signals, and counts as alive.
   */
  Properties patientProducer() {
    Properties properties = properties(ProducerConfig.configNames());
    properties.put(ProducerConfig.DELIVERY_TIMEOUT_MS_CONFIG, Integer.MAX_VALUE);
    properties.put(ProducerConfig.MAX_BLOCK_MS_CONFIG, PATIENT_CALL_MILLIS);
    return properties;
  }

  /** The properties of an admin client. */
  Properties admin() {
    return properties(AdminClientConfig.configNames());
  }

  private Properties properties(Set<String> names) {
    Properties properties = new Properties();
    properties.putAll(DEFAULTS);
    properties.putAll(given);
    properties.putAll(FIXED);
    properties.keySet().retainAll(names);
    return properties;
  }
}
