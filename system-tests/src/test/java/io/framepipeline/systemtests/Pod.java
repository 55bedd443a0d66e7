package io.framepipeline.systemtests;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * A cell of {@code deploy/kubernetes} as a pod of podman's, which runs manifests without a cluster.
 * It does not probe: the test does. Its storage, networks and settings are the test's own, and go
 * with it.
 */
final class Pod implements AutoCloseable {
  private static final JsonMapper JSON = new JsonMapper();
  private static final List<String> SERVICES =
      List.of("media-driver", "norm-service", "reciprocal-service", "reader-service");

  /** crun, podman's first choice, refuses machines that have both. */
  private static final boolean HAS_BOTH_CGROUP_VERSIONS =
      Files.exists(Path.of("/sys/fs/cgroup/unified"));

  private final HttpClient http = HttpClient.newHttpClient();
  private final Path directory;
  private final Path manifest;
  private final Manifests manifests;
  private String name;
  private String address;

  /** A container, as podman has it now. */
  record State(long pid, int exitCode, int restarts) {}

  private Pod(Path directory, Manifests manifests) {
    this.directory = directory;
    this.manifest = directory.resolve("pod.yaml");
    this.manifests = manifests;
  }

  /** Skips the test if something is missing that runs a pod. */
  static void assumeThere() throws Exception {
    String subject = "a pod of deploy/kubernetes";
    Manifests.assumeKubectl();
    Surroundings.assumeProgram("podman", subject);
    Surroundings.assumeProgram("catatonit", subject);
    Surroundings.assume(
        "root".equals(System.getProperty("user.name")), subject, "the user is not root");
    ComposeStack.assumeEngine();
  }

  /**
   * Starts a pod, with the images that {@code docker compose} builds.
   *
   * @param directory an empty one
   * @param settings instead of those that {@code deploy/kubernetes/base} has
   */
  static Pod start(Path directory, List<String> components, Map<String, String> settings)
      throws Exception {
    Manifests manifests =
        Manifests.overlay(
            Files.createDirectory(directory.resolve("overlay")), components, settings, "");
    Pod pod = new Pod(directory, manifests);
    try {
      pod.start();
      return pod;
    } catch (Exception | AssertionError e) {
      try {
        pod.close();
      } catch (AssertionError | IOException closing) {
        e.addSuppressed(closing);
      }
      throw e;
    }
  }

  private void start() throws IOException {
    Files.writeString(
        directory.resolve("containers.conf"),
        """
        [containers]
        # No more than this process may have.
        default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
        [engine]
        tmp_dir = "%1$s/tmp"
        lock_type = "file"
        %2$s
        [network]
        network_config_dir = "%1$s/networks"
        """
            .formatted(directory, HAS_BOTH_CGROUP_VERSIONS ? "runtime = \"runc\"" : ""));
    Files.writeString(
        directory.resolve("storage.conf"),
        """
        [storage]
        driver = "overlay"
        graphroot = "%1$s/storage"
        runroot = "%1$s/run"
        """
            .formatted(directory));
    Files.writeString(manifest, withoutPorts(manifests.text()));

    List<String> build = new ArrayList<>(List.of("docker", "compose", "build", "--quiet"));
    build.addAll(SERVICES);
    run(build);
    Path images = directory.resolve("images.tar");
    List<String> save = new ArrayList<>(List.of("docker", "save", "--output", images.toString()));
    SERVICES.forEach(service -> save.add("frame-pipeline/" + service));
    run(save);
    podman("load", "--quiet", "--input", images.toString());
    Files.delete(images);

    podman("play", "kube", "--quiet", manifest.toString());
    name = podman("pod", "ps", "--format", "{{.Name}}").strip();
    String infra = podman("pod", "inspect", name, "--format", "{{.InfraContainerID}}").strip();
    JsonNode networks = inspect(infra).at("/NetworkSettings/Networks");
    address = networks.iterator().next().get("IPAddress").asString();
  }

  /** podman would publish them on this machine, where others may have them. */
  private static String withoutPorts(String text) {
    return text.replaceAll("(?m)^ *ports:\n *- containerPort: .*\n *name: metrics\n", "");
  }

  /** The names of the containers in the manifest. */
  List<String> containers() {
    return manifests.containers().stream()
        .map(container -> container.get("name").asString())
        .toList();
  }

  /** Whether a container's probe succeeds, as the manifest has it. */
  boolean isProbed(String container, String probe) throws Exception {
    JsonNode spec = spec(container).get(probe);
    if (spec.has("exec")) {
      List<String> command = new ArrayList<>(List.of("podman", "exec", podmanName(container)));
      spec.at("/exec/command").valueStream().map(JsonNode::asString).forEach(command::add);
      return start(command).waitFor() == 0;
    }
    try {
      return get(container, spec.at("/httpGet/path").asString()).statusCode() == 200;
    } catch (IOException e) {
      return false;
    }
  }

  /** The value of a metric without labels but the stage's. */
  long metric(String container, String metric) throws Exception {
    return get(container, "/metrics")
        .body()
        .lines()
        .filter(line -> line.startsWith(metric + "{"))
        .mapToLong(line -> (long) Double.parseDouble(line.substring(line.lastIndexOf(' ') + 1)))
        .sum();
  }

  private HttpResponse<String> get(String container, String path)
      throws IOException, InterruptedException {
    int port = spec(container).at("/ports/0/containerPort").asInt();
    URI uri = URI.create("http://%s:%s%s".formatted(address, port, path));
    return http.send(HttpRequest.newBuilder(uri).build(), BodyHandlers.ofString());
  }

  private JsonNode spec(String container) {
    return manifests.containers().stream()
        .filter(spec -> spec.get("name").asString().equals(container))
        .findFirst()
        .orElseThrow();
  }

  State state(String container) throws IOException {
    JsonNode inspected = inspect(podmanName(container));
    return new State(
        inspected.at("/State/Pid").asLong(),
        inspected.at("/State/ExitCode").asInt(),
        inspected.at("/RestartCount").asInt());
  }

  /** Kills a container's process, as the kernel would: what podman kills it does not restart. */
  void kill(String container) throws IOException {
    PipelineProcess.signal(state(container).pid(), "KILL");
  }

  String logs(String container) throws IOException {
    return podman("logs", podmanName(container));
  }

  /** Tells all containers to stop, and waits as long as the manifest allows it. */
  void stop() throws IOException {
    podman(
        "pod",
        "stop",
        "--time",
        manifests.pod().get("terminationGracePeriodSeconds").asString(),
        name);
  }

  private String podmanName(String container) {
    return name + "-" + container;
  }

  private JsonNode inspect(String container) throws IOException {
    return JSON.readTree(podman("inspect", container)).get(0);
  }

  private String podman(String... arguments) throws IOException {
    List<String> command = new ArrayList<>(List.of("podman"));
    command.addAll(List.of(arguments));
    return run(command);
  }

  /** Runs a command, which must succeed. Returns what it printed. */
  private String run(List<String> command) throws IOException {
    Process process = start(command);
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(process.onExit().join().exitValue()).as("%s: %s", command, output).isZero();
    return output;
  }

  private Process start(List<String> command) throws IOException {
    ProcessBuilder builder =
        new ProcessBuilder(command).directory(ComposeStack.HOME.toFile()).redirectErrorStream(true);
    builder.environment().put("CONTAINERS_CONF", directory.resolve("containers.conf").toString());
    builder
        .environment()
        .put("CONTAINERS_STORAGE_CONF", directory.resolve("storage.conf").toString());
    // It would have systemd probe, which not every machine runs.
    builder.environment().put("DISABLE_HC_SYSTEMD", "true");
    return builder.start();
  }

  @Override
  public void close() throws IOException {
    podman("play", "kube", "--down", manifest.toString());
    podman("system", "reset", "--force");
  }
}
