package io.framepipeline.systemtests;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.lang.ProcessBuilder.Redirect;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import tools.jackson.databind.JsonNode;
import tools.jackson.dataformat.yaml.YAMLMapper;

/** What {@code deploy/kubernetes} becomes, as {@code kubectl apply} would send it to a cluster. */
final class Manifests {
  static final Path HOME = ComposeStack.HOME.resolve("deploy/kubernetes");

  private static final YAMLMapper YAML = new YAMLMapper();

  private final String text;
  private final List<JsonNode> objects;

  private Manifests(String text) {
    this.text = text;
    this.objects = YAML.readerFor(JsonNode.class).<JsonNode>readValues(text).readAll();
  }

  /** Skips the test if there is no kubectl that knows components. */
  static void assumeKubectl() throws IOException, InterruptedException {
    String subject = "deploy/kubernetes";
    Surroundings.assumeProgram("kubectl", subject);
    Process process =
        new ProcessBuilder("kubectl", "kustomize", HOME.resolve("example").toString())
            .redirectOutput(Redirect.DISCARD)
            .redirectError(Redirect.DISCARD)
            .start();
    Surroundings.assume(process.waitFor() == 0, subject, "kubectl is older than 1.21");
  }

  /** Renders a directory that has a {@code kustomization.yaml}. */
  static Manifests of(Path directory) throws IOException, InterruptedException {
    Process process =
        new ProcessBuilder("kubectl", "kustomize", directory.toString())
            .redirectError(Redirect.INHERIT)
            .start();
    String text = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(process.waitFor()).isZero();
    return new Manifests(text);
  }

  /**
   * Renders the base with components and settings, by a {@code kustomization.yaml} that this makes.
   *
   * @param directory an empty one
   * @param further more lines of that file
   */
  static Manifests overlay(
      Path directory, List<String> components, Map<String, String> settings, String further)
      throws IOException, InterruptedException {
    // kustomize takes relative paths only.
    Path home = directory.toRealPath().relativize(HOME.toRealPath());
    Files.writeString(
        directory.resolve("kustomization.yaml"),
        """
        apiVersion: kustomize.config.k8s.io/v1beta1
        kind: Kustomization
        resources: [%1$s/base]
        components: [%2$s]
        configMapGenerator:
          - name: frame-pipeline
            behavior: merge
            literals: [%3$s]
        %4$s
        """
            .formatted(
                home,
                components.stream()
                    .map(name -> home.resolve("components/" + name).toString())
                    .collect(Collectors.joining(", ")),
                settings.entrySet().stream()
                    .map(entry -> '"' + entry.getKey() + '=' + entry.getValue() + '"')
                    .collect(Collectors.joining(", ")),
                further));
    return of(directory);
  }

  /** As kubectl prints it. */
  String text() {
    return text;
  }

  List<JsonNode> objects() {
    return objects;
  }

  /** The only object of a kind. */
  JsonNode only(String kind) {
    List<JsonNode> found =
        objects.stream().filter(object -> object.get("kind").asString().equals(kind)).toList();
    assertThat(found).as(kind).hasSize(1);
    return found.getFirst();
  }

  /** What the pods of the Deployment are. */
  JsonNode pod() {
    return only("Deployment").at("/spec/template/spec");
  }

  /** The containers of a pod. */
  List<JsonNode> containers() {
    return pod().get("containers").valueStream().toList();
  }
}
