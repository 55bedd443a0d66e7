package io.framepipeline.systemtests;

import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import java.util.stream.Collectors;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.ListTopicsOptions;
import org.apache.kafka.common.Uuid;

/**
 * A Kafka of three brokers that keep three replicas of everything, two at least. So one broker at a
 * time may be away, and no partition is ever without a leader. With one replica, Kafka 4.4.0 does
 * not keep its promises about transactions, see "What is not promised" in docs/cells.md.
 */
final class KafkaCluster implements AutoCloseable {
  /** And as many replicas of everything. */
  static final int BROKERS = 3;

  private final List<KafkaBroker> brokers = new ArrayList<>();

  private KafkaCluster(Path directory) throws IOException {
    Set<Integer> taken = new HashSet<>();
    List<KafkaBroker.Ports> ports = new ArrayList<>();
    for (int id = 0; id < BROKERS; id++) {
      ports.add(KafkaBroker.Ports.free(taken));
    }
    String clusterId = Uuid.randomUuid().toString();
    for (int id = 0; id < BROKERS; id++) {
      brokers.add(KafkaBroker.of(directory, clusterId, id, ports));
    }
  }

  /** Starts the brokers, and waits for them. */
  static KafkaCluster start(Path directory) throws IOException {
    KafkaCluster cluster = new KafkaCluster(directory);
    // None serves before most have found each other.
    cluster.brokers.forEach(KafkaBroker::launch);
    cluster.brokers.forEach(KafkaBroker::awaitStart);
    return cluster;
  }

  /** What clients in the tests need at least. */
  Map<String, Object> clientProperties() {
    return KafkaBroker.clientProperties(servers());
  }

  /** What the pipeline needs in its environment. */
  Map<String, String> environment() {
    return KafkaBroker.environment(servers());
  }

  /** Creates a topic. */
  void createTopic(String name, int partitions, Map<String, String> properties) {
    brokers.getFirst().createTopic(name, partitions, properties);
  }

  /** One of the brokers. */
  KafkaBroker broker(int choice) {
    return brokers.get(choice % BROKERS);
  }

  /** Waits until every broker has everything. */
  void awaitReplicas() {
    try (Admin admin = Admin.create(clientProperties())) {
      await().atMost(PipelineProcess.LIMIT).until(() -> hasAllReplicas(admin));
    }
  }

  /** How many times a consumer group has shared out its partitions, by the brokers' logs. */
  long rebalances() throws IOException {
    long rebalances = 0;
    for (KafkaBroker broker : brokers) {
      rebalances += broker.rebalances();
    }
    return rebalances;
  }

  @Override
  public void close() {
    brokers.forEach(KafkaBroker::close);
  }

  private static boolean hasAllReplicas(Admin admin) throws InterruptedException {
    try {
      Set<String> topics =
          admin.listTopics(new ListTopicsOptions().listInternal(true)).names().get();
      return admin.describeTopics(topics).allTopicNames().get().values().stream()
          .flatMap(topic -> topic.partitions().stream())
          .allMatch(partition -> partition.isr().size() == BROKERS);
    } catch (ExecutionException e) {
      // A broker that is asked may be the one that is not back yet.
      return false;
    }
  }

  private String servers() {
    return brokers.stream().map(KafkaBroker::servers).collect(Collectors.joining(","));
  }
}
