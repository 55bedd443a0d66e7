package io.framepipeline.systemtests;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.ProcessBuilder.Redirect;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.apache.kafka.clients.CommonClientConfigs;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.acl.AccessControlEntry;
import org.apache.kafka.common.acl.AclBinding;
import org.apache.kafka.common.acl.AclOperation;
import org.apache.kafka.common.acl.AclPermissionType;
import org.apache.kafka.common.resource.PatternType;
import org.apache.kafka.common.resource.ResourcePattern;
import org.apache.kafka.common.resource.ResourceType;
import org.apache.kafka.metadata.authorizer.StandardAuthorizer;
import org.awaitility.core.ConditionTimeoutException;

/**
 * A broker of Kafka, as a process: the only one, or one of a {@link KafkaCluster}. It keeps its
 * data and its ports while it is stopped, so that it can be started again, and ends with the tests'
 * JVM at the latest.
 */
final class KafkaBroker implements AutoCloseable {
  /** The user that the listener with TLS and SASL knows. */
  static final String USER = "frames";

  static final String PASSWORD = "frames-secret";

  /** Of the key store that is also the clients' trust store. */
  private static final String STORE_PASSWORD = "store-secret";

  private static final String HOST = "127.0.0.1";

  /** As many replicas as the brokers have as their default. */
  private static final short ALL_BROKERS = -1;

  /** Below those that the kernel gives to clients, which could take a stopped broker's. */
  private static final int MIN_PORT = 20_000;

  private static final int MAX_PORT = 32_000;

  private static final int MAX_SHOWN_LOG_LINES = 60;

  private final Path directory;
  private final Path log;
  private final Path propertiesFile;
  private final String clusterId;
  private final int port;

  /** 0 without a listener with TLS and SASL. */
  private final int securePort;

  /** Null while stopped. */
  private Process process;

  /** Where a broker is reached, by clients and by the other brokers' controllers. */
  record Ports(int clients, int controllers) {
    /** Ports of this machine that nothing uses. */
    static Ports free(Set<Integer> taken) {
      return new Ports(freePort(taken), freePort(taken));
    }
  }

  private KafkaBroker(Path directory, String clusterId, int id, List<Ports> all, int securePort)
      throws IOException {
    this.directory = Files.createTempDirectory(directory, "kafka");
    this.log = this.directory.resolve("log");
    this.propertiesFile = this.directory.resolve("server.properties");
    this.clusterId = clusterId;
    this.port = all.get(id).clients;
    this.securePort = securePort;
    writeProperties(id, all);
  }

  /** The only broker of a cluster, not started yet. */
  private static KafkaBroker only(Path directory, boolean isSecure) throws IOException {
    Set<Integer> taken = new HashSet<>();
    List<Ports> ports = List.of(Ports.free(taken));
    int securePort = isSecure ? freePort(taken) : 0;
    return new KafkaBroker(directory, Uuid.randomUuid().toString(), 0, ports, securePort);
  }

  /**
   * One broker of a cluster, not started yet.
   *
   * @param id counted from 0
   * @param all the ports of all brokers, by id
   */
  static KafkaBroker of(Path directory, String clusterId, int id, List<Ports> all)
      throws IOException {
    return new KafkaBroker(directory, clusterId, id, all, 0);
  }

  /** Starts a broker, and waits for it. */
  static KafkaBroker start(Path directory) throws IOException {
    KafkaBroker broker = only(directory, false);
    broker.start();
    return broker;
  }

  /** Starts a broker that also has a listener with TLS and SASL, and waits for it. */
  static KafkaBroker startSecure(Path directory) throws Exception {
    KafkaBroker broker = only(directory, true);
    broker.makeKeyStore();
    broker.start();
    return broker;
  }

  /** A broker that is not started yet. */
  static KafkaBroker stopped(Path directory) throws IOException {
    return only(directory, false);
  }

  /** As the clients' property {@code bootstrap.servers}. */
  String servers() {
    return HOST + ":" + port;
  }

  /** What clients in the tests need at least. */
  Map<String, Object> clientProperties() {
    return clientProperties(servers());
  }

  static Map<String, Object> clientProperties(String servers) {
    return new HashMap<>(Map.of(CommonClientConfigs.BOOTSTRAP_SERVERS_CONFIG, servers));
  }

  /** What the pipeline needs in its environment. */
  Map<String, String> environment() {
    return environment(servers());
  }

  static Map<String, String> environment(String servers) {
    return new HashMap<>(Map.of("KAFKA_BOOTSTRAP_SERVERS", servers));
  }

  /** The same for the listener with TLS and SASL. */
  Map<String, String> secureEnvironment(String password) {
    return new HashMap<>(
        Map.of(
            "KAFKA_BOOTSTRAP_SERVERS",
            "localhost:" + securePort,
            "KAFKA_SECURITY_PROTOCOL",
            "SASL_SSL",
            "KAFKA_SASL_MECHANISM",
            "SCRAM-SHA-512",
            "KAFKA_SASL_JAAS_CONFIG",
            "org.apache.kafka.common.security.scram.ScramLoginModule required"
                + " username=\"%s\" password=\"%s\";".formatted(USER, password),
            "KAFKA_SSL_TRUSTSTORE_LOCATION",
            keyStore().toString(),
            "KAFKA_SSL_TRUSTSTORE_PASSWORD",
            STORE_PASSWORD));
  }

  /** A client to ask and change things with. */
  Admin admin() {
    return Admin.create(clientProperties());
  }

  /** Creates a topic. */
  void createTopic(String name, int partitions) {
    createTopic(name, partitions, Map.of());
  }

  /** Creates a topic. */
  void createTopic(String name, int partitions, Map<String, String> properties) {
    try (Admin admin = admin()) {
      admin
          .createTopics(List.of(new NewTopic(name, partitions, ALL_BROKERS).configs(properties)))
          .all()
          .get(PipelineProcess.LIMIT.toSeconds(), TimeUnit.SECONDS);
    } catch (Exception e) {
      throw new IllegalStateException("topic " + name, e);
    }
  }

  /** Takes one right from {@link #USER}. */
  void deny(AclOperation operation, ResourceType type, String name) {
    // A transactional id ends with a number that its reader makes.
    PatternType pattern =
        type == ResourceType.TRANSACTIONAL_ID ? PatternType.PREFIXED : PatternType.LITERAL;
    ResourcePattern resource = new ResourcePattern(type, name, pattern);
    // Once a resource has rules, what no rule allows is denied.
    List<AclBinding> rules =
        List.of(
            rule(resource, "*", AclOperation.ALL, AclPermissionType.ALLOW),
            rule(resource, USER, operation, AclPermissionType.DENY));
    try (Admin admin = admin()) {
      admin.createAcls(rules).all().get(PipelineProcess.LIMIT.toSeconds(), TimeUnit.SECONDS);
    } catch (Exception e) {
      throw new IllegalStateException(rules.toString(), e);
    }
  }

  /** Starts the broker, on the data that it has, and waits for it. */
  void start() {
    launch();
    awaitStart();
  }

  /** Starts the broker, on the data that it has. */
  void launch() {
    assertThat(process).as("the broker's process").isNull();
    try {
      List<String> command = new ArrayList<>();
      command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
      command.addAll(List.of("-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"));
      command.addAll(List.of("-cp", System.getProperty("java.class.path")));
      command.add("-Dorg.slf4j.simpleLogger.dateTimeFormat=HH:mm:ss.SSS");
      command.add("-Dorg.slf4j.simpleLogger.log.org.apache.kafka=info");
      command.addAll(List.of(KafkaBrokerMain.class.getName(), propertiesFile.toString()));
      command.add(clusterId);
      if (securePort != 0) {
        command.add("--add-scram");
        command.add("SCRAM-SHA-512=[name=%s,password=%s]".formatted(USER, PASSWORD));
      }
      process =
          new ProcessBuilder(command)
              .redirectErrorStream(true)
              .redirectOutput(Redirect.appendTo(log.toFile()))
              .start();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Waits until the broker serves. */
  void awaitStart() {
    try {
      await().atMost(PipelineProcess.LIMIT).until(() -> !process.isAlive() || answers());
    } catch (ConditionTimeoutException e) {
      throw hasNotStarted(e);
    }
    if (!process.isAlive()) {
      throw hasNotStarted(null);
    }
  }

  /** Has the broker end in an orderly way, and waits for that. */
  void stop() {
    end("TERM");
  }

  /** Kills the broker; what it had written stays. */
  void kill() {
    end("KILL");
  }

  boolean isRunning() {
    return process != null && process.isAlive();
  }

  /** How many times a consumer group has shared out its partitions, by the broker's log. */
  long rebalances() throws IOException {
    try (Stream<String> lines = Files.lines(log)) {
      return lines.filter(line -> line.contains(" Stabilized group ")).count();
    }
  }

  /** The end of what the broker has logged. */
  String logEnd() {
    try (Stream<String> all = Files.lines(log)) {
      // Without the properties, which fill pages at each start.
      return Lines.last(
          MAX_SHOWN_LOG_LINES,
          all.filter(line -> !line.startsWith("\t") || line.startsWith("\tat ")));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Override
  public void close() {
    kill();
  }

  @Override
  public String toString() {
    return "broker at " + servers();
  }

  private AssertionError hasNotStarted(Throwable cause) {
    kill();
    return new AssertionError("the broker does not start; its log ends: " + logEnd(), cause);
  }

  /** Sends SIGTERM or SIGKILL, by name, and waits for the end. */
  void end(String signal) {
    if (process != null) {
      PipelineProcess.signal(process.pid(), signal);
      try {
        if (!process.waitFor(PipelineProcess.LIMIT.toSeconds(), TimeUnit.SECONDS)) {
          process.destroyForcibly().waitFor();
        }
      } catch (InterruptedException e) {
        process.destroyForcibly();
        Thread.currentThread().interrupt();
      }
      process = null;
    }
  }

  /** Whether it takes connections, which it does once it serves. */
  private boolean answers() {
    try (Socket socket = new Socket()) {
      socket.connect(
          new InetSocketAddress(InetAddress.getLoopbackAddress(), port),
          (int) Duration.ofSeconds(1).toMillis());
      return process.isAlive();
    } catch (IOException e) {
      return false;
    }
  }

  private void writeProperties(int id, List<Ports> all) throws IOException {
    String listeners = "PLAINTEXT://%s:%d,CONTROLLER://%s:%d";
    String replicas = Integer.toString(all.size());
    String leastReplicas = Integer.toString(all.size() / 2 + 1);
    Properties properties = new Properties();
    properties.setProperty("process.roles", "broker,controller");
    properties.setProperty("node.id", Integer.toString(id));
    properties.setProperty(
        "controller.quorum.voters",
        IntStream.range(0, all.size())
            .mapToObj(other -> other + "@" + HOST + ":" + all.get(other).controllers)
            .collect(Collectors.joining(",")));
    properties.setProperty("controller.listener.names", "CONTROLLER");
    properties.setProperty("log.dirs", directory.resolve("data").toString());
    properties.setProperty("default.replication.factor", replicas);
    properties.setProperty("min.insync.replicas", leastReplicas);
    properties.setProperty("offsets.topic.replication.factor", replicas);
    properties.setProperty("offsets.topic.num.partitions", "4");
    properties.setProperty("transaction.state.log.replication.factor", replicas);
    properties.setProperty("transaction.state.log.min.isr", leastReplicas);
    properties.setProperty("transaction.state.log.num.partitions", "4");
    properties.setProperty("share.coordinator.state.topic.replication.factor", replicas);
    properties.setProperty("share.coordinator.state.topic.min.isr", leastReplicas);
    // A broker that was killed cannot register again before that.
    properties.setProperty("broker.session.timeout.ms", "3000");
    properties.setProperty("broker.heartbeat.interval.ms", "500");
    properties.setProperty("group.initial.rebalance.delay.ms", "0");
    // A topic that was not created is a mistake that tests are to see.
    properties.setProperty("auto.create.topics.enable", "false");
    if (securePort != 0) {
      listeners += ",SASL_SSL://localhost:" + securePort;
      properties.setProperty(
          "listener.security.protocol.map",
          "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SASL_SSL:SASL_SSL");
      properties.setProperty("sasl.enabled.mechanisms", "SCRAM-SHA-512");
      properties.setProperty("authorizer.class.name", StandardAuthorizer.class.getName());
      // The broker itself and the tests, which do not log in.
      properties.setProperty("super.users", "User:ANONYMOUS");
      properties.setProperty("allow.everyone.if.no.acl.found", "true");
      properties.setProperty(
          "listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config",
          "org.apache.kafka.common.security.scram.ScramLoginModule required;");
      properties.setProperty("ssl.keystore.location", keyStore().toString());
      properties.setProperty("ssl.keystore.password", STORE_PASSWORD);
      properties.setProperty("ssl.key.password", STORE_PASSWORD);
    }
    properties.setProperty(
        "listeners", listeners.formatted(HOST, port, HOST, all.get(id).controllers));
    try (var writer = Files.newBufferedWriter(propertiesFile)) {
      properties.store(writer, null);
    }
  }

  private static AclBinding rule(
      ResourcePattern resource, String user, AclOperation operation, AclPermissionType permission) {
    return new AclBinding(
        resource, new AccessControlEntry("User:" + user, "*", operation, permission));
  }

  private Path keyStore() {
    return directory.resolve("store.p12");
  }

  private void makeKeyStore() throws Exception {
    Process keytool =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "keytool").toString(),
                "-genkeypair",
                "-alias",
                "broker",
                "-keyalg",
                "EC",
                "-dname",
                "CN=localhost",
                "-ext",
                "SAN=dns:localhost,ip:" + HOST,
                "-storetype",
                "PKCS12",
                "-keystore",
                keyStore().toString(),
                "-storepass",
                STORE_PASSWORD)
            .redirectErrorStream(true)
            .redirectOutput(Redirect.appendTo(log.toFile()))
            .start();
    assertThat(keytool.waitFor()).as(logEnd()).isZero();
  }

  private static int freePort(Set<Integer> taken) {
    Random random = new Random();
    while (true) {
      int port = random.nextInt(MIN_PORT, MAX_PORT);
      try (ServerSocket socket = new ServerSocket(port, 1, InetAddress.getLoopbackAddress())) {
        if (taken.add(socket.getLocalPort())) {
          return port;
        }
      } catch (IOException e) {
        // Another process has it: the next one.
      }
    }
  }
}
