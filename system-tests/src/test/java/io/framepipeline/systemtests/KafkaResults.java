package io.framepipeline.systemtests;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.StreamSupport;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.StringDeserializer;

/**
 * Reads what came of a {@link KafkaFeed} as any consumer would, read_committed and from the
 * beginning: its norms and the records that were rejected. Counts what is wrong.
 */
final class KafkaResults implements AutoCloseable {
  private static final int MAX_EXAMPLES = 20;
  private static final Duration POLL_TIMEOUT = Duration.ofMillis(200);

  private final KafkaFeed feed;
  private final String source;
  private final String results;
  private final KafkaConsumer<String, byte[]> consumer;
  private final int resultsPartitions;
  private final List<TopicPartition> partitions = new ArrayList<>();

  /** By partition of the source: which frames have a norm, which records were rejected. */
  private final BitSet[] seen;

  /** By partition of the source, of the last frame that had a norm. */
  private final int[] last;

  /** Of those kinds that there are. */
  private final Map<String, Long> faults = new TreeMap<>();

  private final List<String> examples = new ArrayList<>();
  private long norms;
  private long rejected;

  /** In which milliseconds norms were appended, since the feed began. */
  private final BitSet appended = new BitSet();

  KafkaResults(
      Map<String, Object> clientProperties, KafkaFeed feed, String source, String results) {
    this.feed = feed;
    this.source = source;
    this.results = results;
    Map<String, Object> properties = new HashMap<>(clientProperties);
    properties.put(ConsumerConfig.ISOLATION_LEVEL_CONFIG, "read_committed");
    // The tests' heap is small.
    properties.put(ConsumerConfig.FETCH_MAX_BYTES_CONFIG, 2 * 1024 * 1024);
    properties.put(ConsumerConfig.MAX_PARTITION_FETCH_BYTES_CONFIG, 256 * 1024);
    consumer =
        new KafkaConsumer<>(properties, new StringDeserializer(), new ByteArrayDeserializer());
    for (String topic : List.of(results, source + "-rejected")) {
      consumer
          .partitionsFor(topic)
          .forEach(info -> partitions.add(new TopicPartition(topic, info.partition())));
    }
    resultsPartitions =
        (int) partitions.stream().filter(name -> name.topic().equals(results)).count();
    consumer.assign(partitions);
    consumer.seekToBeginning(partitions);
    seen = new BitSet[feed.partitions()];
    last = new int[feed.partitions()];
    for (int i = 0; i < seen.length; i++) {
      seen[i] = new BitSet();
      last[i] = -1;
    }
  }

  /** Reads until everything that is to come has come, or nothing new has for so long. */
  void readAll(Duration patience) {
    long total = feed.frames() + feed.badRecords();
    long progressNanos = System.nanoTime();
    while (norms + rejected < total && System.nanoTime() - progressNanos < patience.toNanos()) {
      long before = norms + rejected;
      poll();
      if (norms + rejected > before) {
        progressNanos = System.nanoTime();
      }
    }
  }

  /** Reads on to where the topics end now: what has come that should not have. */
  void readToEnd() {
    Map<TopicPartition, Long> ends = consumer.endOffsets(partitions);
    long startNanos = System.nanoTime();
    while (ends.entrySet().stream()
            .anyMatch(end -> consumer.position(end.getKey()) < end.getValue())
        && System.nanoTime() - startNanos < PipelineProcess.LIMIT.toNanos()) {
      poll();
    }
  }

  /** How many frames have their norm. */
  long norms() {
    return norms;
  }

  long missing() {
    return feed.frames() - norms;
  }

  /** How many of a kind of fault there are. */
  long faults(String kind) {
    return faults.getOrDefault(kind, 0L);
  }

  /** The longest time in which no norm was appended to any partition. */
  Pause longestPause() {
    Pause longest = new Pause(0, 0);
    for (int from = appended.nextSetBit(0); from >= 0; ) {
      int last = appended.nextClearBit(from) - 1;
      from = appended.nextSetBit(last + 1);
      if (from - last > longest.millis) {
        longest = new Pause(feed.startMillis() + last, from - last);
      }
    }
    return longest;
  }

  /** A time without norms, in milliseconds. */
  record Pause(long startMillis, long millis) {}

  /** Checks that each frame had its norm once and in order, and each other record its notice. */
  void assertComplete() {
    assertThat(faults).as("faults, such as %s", examples).isEmpty();
    assertThat(missing()).as("missing norms, the first: %s", firstMissing()).isZero();
    assertThat(rejected).as("rejected records").isEqualTo(feed.badRecords());
  }

  @Override
  public void close() {
    consumer.close();
  }

  private void poll() {
    for (ConsumerRecord<String, byte[]> record : consumer.poll(POLL_TIMEOUT)) {
      if (record.topic().equals(results)) {
        takeNorm(record);
      } else {
        takeRejected(record);
      }
    }
  }

  private void takeNorm(ConsumerRecord<String, byte[]> record) {
    String[] key = record.key() == null ? new String[0] : record.key().split(":", -1);
    if (key.length != 3) {
      fault("malformed key", record);
      return;
    }
    int partition = Integer.parseInt(key[0]);
    long offset = Long.parseLong(key[1]);
    int number = feed.record(partition, offset);
    int index = Integer.parseInt(key[2]);
    if (number < 0 || index >= feed.framesOf(partition, number)) {
      fault(
          number < 0 && feed.isShown(partition, offset)
              ? "norm of a record that Kafka shows as committed and its producer has aborted"
              : "norm of what is no frame",
          record);
      return;
    }
    if (record.partition() != partition % resultsPartitions) {
      fault("in a wrong partition", record);
    }
    String norm = new String(record.value(), StandardCharsets.UTF_8);
    if (!feed.isNorm(Double.parseDouble(norm), partition, number, index)) {
      fault("wrong norm " + norm, record);
    }
    int frame = number * KafkaFeed.MAX_FRAMES + index;
    if (seen[partition].get(frame)) {
      fault("duplicate", record);
      return;
    }
    seen[partition].set(frame);
    norms++;
    if (frame < last[partition]) {
      fault("out of order", record);
    }
    last[partition] = frame;
    appended.set(Math.toIntExact(record.timestamp() - feed.startMillis()));
  }

  private void takeRejected(ConsumerRecord<String, byte[]> record) {
    Map<String, String> headers =
        StreamSupport.stream(record.headers().spliterator(), false)
            .collect(
                Collectors.toMap(
                    Header::key, header -> new String(header.value(), StandardCharsets.UTF_8)));
    if (!headers.keySet().equals(Set.of("reason", "topic", "partition", "offset"))
        || headers.get("reason").isBlank()
        || !headers.get("topic").equals(source)) {
      fault("wrong headers " + headers, record);
      return;
    }
    int partition = Integer.parseInt(headers.get("partition"));
    int number = feed.record(partition, Long.parseLong(headers.get("offset")));
    if (number < 0 || feed.framesOf(partition, number) > 0) {
      fault("rejected what it should not " + headers, record);
      return;
    }
    int length = record.value() == null ? 0 : record.value().length;
    if (length != feed.badLength(partition, number)) {
      fault("rejected with another value " + headers, record);
    }
    if (seen[partition].get(number * KafkaFeed.MAX_FRAMES)) {
      fault("duplicate notice " + headers, record);
      return;
    }
    seen[partition].set(number * KafkaFeed.MAX_FRAMES);
    rejected++;
  }

  private void fault(String kind, ConsumerRecord<String, byte[]> record) {
    faults.merge(kind.replaceAll("[ ]?[{0-9].*", ""), 1L, Long::sum);
    if (examples.size() < MAX_EXAMPLES) {
      examples.add(
          "%s: %s-%s@%s, key %s"
              .formatted(kind, record.topic(), record.partition(), record.offset(), record.key()));
    }
  }

  private String firstMissing() {
    List<String> missing = new ArrayList<>();
    for (int partition = 0; partition < seen.length; partition++) {
      int records = feed.records(partition);
      for (int number = 0; number < records && missing.size() < MAX_EXAMPLES; number++) {
        for (int index = 0; index < feed.framesOf(partition, number); index++) {
          if (!seen[partition].get(number * KafkaFeed.MAX_FRAMES + index)) {
            missing.add("%s:%s:%s".formatted(partition, feed.offset(partition, number), index));
          }
        }
      }
    }
    return missing.toString();
  }
}
