package io.framepipeline.systemtests;

import static org.assertj.core.api.Assertions.assertThat;

import com.github.dockerjava.api.DockerClient;
import com.github.dockerjava.api.command.InspectContainerResponse;
import com.github.dockerjava.api.model.Capability;
import com.github.dockerjava.api.model.HostConfig;
import java.io.File;
import java.io.IOException;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.testcontainers.DockerClientFactory;
import org.testcontainers.containers.ComposeContainer;
import org.testcontainers.containers.wait.strategy.Wait;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * {@code docker-compose.yml} on a real engine, as a project of its own: built, started, and taken
 * away with its volumes at the end. What users type is run as they type it, see {@link #compose}.
 */
final class ComposeStack implements AutoCloseable {
  /** For a condition; starting containers on a busy machine is slow. */
  static final Duration LIMIT = Duration.ofMinutes(2);

  static final Path HOME = Path.of(System.getProperty("pipeline.home"));
  private static final Path FILE = HOME.resolve("docker-compose.yml");
  private static final JsonMapper JSON = new JsonMapper();

  /** Some releases of Compose put it before each line of a log, on a terminal or not. */
  private static final String ERASE_LINE = "\033[2K";

  private final HttpClient http = HttpClient.newHttpClient();
  private final DockerClient engine = DockerClientFactory.instance().client();
  private final ComposeContainer containers;
  private final Map<String, String> environment;
  private final URI prometheus;

  /** What a command printed, and how it ended. */
  record Result(int exitCode, String output) {}

  private ComposeStack(ComposeContainer containers, Map<String, String> environment)
      throws Exception {
    this.containers = containers;
    this.environment = new HashMap<>(environment);
    this.environment.put(
        "COMPOSE_PROJECT_NAME",
        containers
            .getContainerByServiceName("prometheus")
            .orElseThrow()
            .getContainerInfo()
            .getConfig()
            .getLabels()
            .get("com.docker.compose.project"));
    this.prometheus = URI.create("http://" + compose("port", "prometheus", "9090").strip());
  }

  /** Skips the test if there is no engine. */
  static void assumeEngine() {
    Surroundings.assume(
        DockerClientFactory.instance().isDockerAvailable(),
        "docker-compose.yml and the images",
        "no container engine runs");
  }

  /**
   * Builds the images and starts all containers.
   *
   * @param settings as {@code .env} would have them
   * @param furtherFiles whose names follow {@code docker-compose.yml}
   */
  static ComposeStack start(Map<String, String> settings, String... furtherFiles) throws Exception {
    List<File> files = new ArrayList<>(List.of(FILE.toFile()));
    for (String name : furtherFiles) {
      files.add(HOME.resolve(name).toFile());
    }
    Map<String, String> environment = new HashMap<>(settings);
    environment.put(
        "COMPOSE_FILE", files.stream().map(File::getPath).collect(Collectors.joining(":")));
    // Any free port: the user's own stack may have the usual one.
    environment.put("PROMETHEUS_PORT", "0");
    environment.put("CONSOLE_PORT", "0");
    ComposeContainer containers =
        new ComposeContainer(files)
            .withEnv(environment)
            .withPull(false)
            .withBuild(true)
            .waitingFor("prometheus", Wait.forHealthcheck());
    try {
      containers.start();
      return new ComposeStack(containers, environment);
    } catch (Exception e) {
      containers.stop();
      throw e;
    }
  }

  /**
   * The file as Compose understands it, nothing started.
   *
   * @param settings as {@code .env} would have them
   */
  static JsonNode config(Map<String, String> settings) throws IOException {
    ProcessBuilder builder =
        new ProcessBuilder("docker", "compose", "config", "--format", "json")
            .directory(HOME.toFile())
            .redirectError(ProcessBuilder.Redirect.INHERIT);
    builder.environment().putAll(settings);
    return JSON.readTree(builder.start().getInputStream());
  }

  /** Runs {@code docker compose} in this project; it must succeed. Returns what it printed. */
  String compose(String... arguments) throws Exception {
    Result result = tryCompose(arguments);
    assertThat(result.exitCode()).as(result.output()).isZero();
    return result.output();
  }

  Result tryCompose(String... arguments) throws Exception {
    List<String> command = new ArrayList<>(List.of("docker", "compose"));
    command.addAll(List.of(arguments));
    return run(command);
  }

  /** Runs a command of the repository. */
  Result run(List<String> command) throws IOException, InterruptedException {
    ProcessBuilder builder =
        new ProcessBuilder(command).directory(HOME.toFile()).redirectErrorStream(true);
    builder.environment().putAll(environment);
    Process process = builder.start();
    process.getOutputStream().close();
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    return new Result(process.waitFor(), output.replace(ERASE_LINE, ""));
  }

  /** The containers of a service, or of all, also those that have ended. */
  List<InspectContainerResponse> inspect(String... services) throws Exception {
    List<String> arguments = new ArrayList<>(List.of("ps", "-a", "-q"));
    arguments.addAll(List.of(services));
    return compose(arguments.toArray(String[]::new))
        .lines()
        .map(id -> engine.inspectContainerCmd(id).exec())
        .toList();
  }

  /** What every container of ours has, whatever runs in it. */
  static void assertHealthyAndConfined(InspectContainerResponse container) {
    HostConfig host = container.getHostConfig();
    assertThat(container.getState().getHealth().getStatus()).isEqualTo("healthy");
    assertThat(container.getConfig().getUser()).isNotEmpty().doesNotStartWith("root");
    assertThat(host.getReadonlyRootfs()).isTrue();
    assertThat(host.getCapDrop()).containsExactly(Capability.ALL);
    assertThat(host.getSecurityOpts()).contains("no-new-privileges:true");
    assertThat(host.getMemory()).isPositive();
    assertThat(host.getPortBindings().getBindings().values())
        .allSatisfy(
            bindings ->
                assertThat(bindings)
                    .allSatisfy(b -> assertThat(b.getHostIp()).isEqualTo("127.0.0.1")));
  }

  /** The name of this project. */
  String project() {
    return environment.get("COMPOSE_PROJECT_NAME");
  }

  /** Prometheus' address on this machine. */
  URI prometheus() {
    return prometheus;
  }

  /** The value of a query with one sample, as Prometheus has it now; NaN if there is none. */
  double query(String expression) {
    URI address =
        prometheus.resolve(
            "/api/v1/query?query=" + URLEncoder.encode(expression, StandardCharsets.UTF_8));
    try {
      String body =
          http.send(HttpRequest.newBuilder(address).build(), BodyHandlers.ofString()).body();
      JsonNode samples = JSON.readTree(body).at("/data/result");
      assertThat(samples.size()).as(body).isLessThanOrEqualTo(1);
      return samples.isEmpty() ? Double.NaN : samples.at("/0/value/1").asDouble();
    } catch (IOException e) {
      throw new AssertionError("Prometheus does not answer", e);
    } catch (InterruptedException e) {
      throw new AssertionError("the test took too long", e);
    }
  }

  @Override
  public void close() {
    containers.stop();
  }
}
