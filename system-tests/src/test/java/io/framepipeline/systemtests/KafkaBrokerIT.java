package io.framepipeline.systemtests;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What other tests expect of their broker. */
@Timeout(value = 5, unit = TimeUnit.MINUTES)
class KafkaBrokerIT {
  @TempDir private Path directory;

  @Test
  void shouldKeepItsDataAndItsAddressWhateverEndsIt() throws Exception {
    try (KafkaBroker broker = KafkaBroker.start(directory)) {
      broker.createTopic("lines", 1);
      send(broker.clientProperties(), "first");
      broker.kill();
      assertThat(broker.isRunning()).isFalse();
      broker.start();
      send(broker.clientProperties(), "second");
      broker.stop();
      broker.start();
      assertThat(lines(broker.clientProperties())).containsExactly("first", "second");
    }
  }

  @Test
  void shouldServeWhileOneOfThreeIsAway() throws Exception {
    try (KafkaCluster cluster = KafkaCluster.start(directory)) {
      cluster.createTopic("lines", 1, Map.of());
      for (int i = 0; i < KafkaCluster.BROKERS; i++) {
        cluster.awaitReplicas();
        cluster.broker(i).kill();
        send(cluster.clientProperties(), "without " + i);
        cluster.broker(i).start();
      }
      assertThat(lines(cluster.clientProperties()))
          .containsExactly("without 0", "without 1", "without 2");
    }
  }

  private static List<String> lines(Map<String, Object> properties) {
    try (KafkaConsumer<String, String> consumer =
        new KafkaConsumer<>(properties, new StringDeserializer(), new StringDeserializer())) {
      TopicPartition partition = new TopicPartition("lines", 0);
      consumer.assign(List.of(partition));
      consumer.seekToBeginning(List.of(partition));
      List<String> lines = new ArrayList<>();
      consumer.poll(PipelineProcess.LIMIT).forEach(record -> lines.add(record.value()));
      return lines;
    }
  }

  private static void send(Map<String, Object> properties, String line) throws Exception {
    try (KafkaProducer<String, String> producer =
        new KafkaProducer<>(properties, new StringSerializer(), new StringSerializer())) {
      producer.send(new ProducerRecord<>("lines", line)).get(60, TimeUnit.SECONDS);
    }
  }
}
