package io.framepipeline.systemtests;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.time.Duration;
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
      send(broker, "first");
      broker.kill();
      assertThat(broker.isRunning()).isFalse();
      broker.start();
      send(broker, "second");
      broker.stop();
      broker.start();
      try (KafkaConsumer<String, String> consumer =
          new KafkaConsumer<>(
              broker.clientProperties(), new StringDeserializer(), new StringDeserializer())) {
        TopicPartition partition = new TopicPartition("lines", 0);
        consumer.assign(List.of(partition));
        consumer.seekToBeginning(List.of(partition));
        assertThat(consumer.poll(Duration.ofSeconds(30)))
            .extracting(record -> record.value())
            .containsExactly("first", "second");
      }
    }
  }

  private static void send(KafkaBroker broker, String line) throws Exception {
    Map<String, Object> properties = broker.clientProperties();
    try (KafkaProducer<String, String> producer =
        new KafkaProducer<>(properties, new StringSerializer(), new StringSerializer())) {
      producer.send(new ProducerRecord<>("lines", line)).get(60, TimeUnit.SECONDS);
    }
  }
}
