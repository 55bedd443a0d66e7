package io.framepipeline.reader;

import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.binder.MeterBinder;
import io.micrometer.core.instrument.binder.kafka.KafkaClientMetrics;
import java.util.HashMap;
import java.util.Map;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.producer.Producer;

/**
 * Kafka's own metrics of the clients that are open. Clients come and go after the registry was
 * made, or before.
 */
final class KafkaMeters implements MeterBinder {
  private final Map<Object, KafkaClientMetrics> clients = new HashMap<>();
  private MeterRegistry registry;

  @Override
  public synchronized void bindTo(MeterRegistry registry) {
    this.registry = registry;
    clients.values().forEach(client -> client.bindTo(registry));
  }

  void watch(Consumer<?, ?> client) {
    watch(client, new KafkaClientMetrics(client));
  }

  void watch(Producer<?, ?> client) {
    watch(client, new KafkaClientMetrics(client));
  }

  /** Removes the metrics of a client that is about to be closed. */
  synchronized void forget(Object client) {
    KafkaClientMetrics metrics = clients.remove(client);
    if (metrics != null) {
      metrics.close();
    }
  }

  private synchronized void watch(Object client, KafkaClientMetrics metrics) {
    clients.put(client, metrics);
    if (registry != null) {
      metrics.bindTo(registry);
    }
  }
}
