package io.framepipeline.systemtests;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import com.google.gson.JsonElement;
import com.google.gson.JsonParser;
import io.kubernetes.client.openapi.models.V1ConfigMap;
import io.kubernetes.client.openapi.models.V1Deployment;
import io.kubernetes.client.openapi.models.V1PodDisruptionBudget;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.agrona.SystemUtil;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;

/**
 * The manifests in {@code deploy/kubernetes}. An API server accepts a field that it does not know,
 * and drops it, so what is misspelt would show as a pod that lacks it.
 */
@Timeout(value = 1, unit = TimeUnit.MINUTES)
class KubernetesIT {
  private static final List<String> COMPONENTS =
      List.of("disruption-budget", "second-reciprocal", "pod-monitor", "scale-by-lag");

  @TempDir private static Path directory;
  private static Manifests all;

  private interface Schema {
    void validate(JsonElement object) throws IOException;
  }

  /** Of a current Kubernetes. Those of its extensions are not among them. */
  private static final Map<String, Schema> SCHEMAS =
      Map.of(
          "ConfigMap", V1ConfigMap::validateJsonElement,
          "Deployment", V1Deployment::validateJsonElement,
          "PodDisruptionBudget", V1PodDisruptionBudget::validateJsonElement);

  @BeforeAll
  static void render() throws Exception {
    Manifests.assumeKubectl();
    all = Manifests.overlay(directory, COMPONENTS, Map.of(), "");
  }

  @ParameterizedTest
  @ValueSource(strings = {"base", "example"})
  void shouldHoldAgainstTheSchemas(String name) throws Exception {
    assertValid(Manifests.of(Manifests.HOME.resolve(name)));
  }

  @Test
  void shouldHoldAgainstTheSchemasWithAllComponents() throws Exception {
    assertThat(all.objects()).hasSize(5);
    assertValid(all);
  }

  @Test
  void shouldTellAMisspeltField() {
    String text = all.only("Deployment").toString().replace("readOnlyRootFile", "readOnlyFile");

    assertThatIllegalArgumentException()
        .isThrownBy(() -> V1Deployment.validateJsonElement(JsonParser.parseString(text)))
        .withMessageContaining("readOnlyFilesystem");
  }

  /** As the standard "restricted" wants it, and a root that is read-only. */
  @Test
  void shouldBeConfined() {
    JsonNode pod = all.pod();
    assertThat(pod.at("/securityContext/runAsNonRoot").asBoolean()).isTrue();
    assertThat(pod.at("/securityContext/seccompProfile/type").asString())
        .isEqualTo("RuntimeDefault");
    assertThat(pod.get("automountServiceAccountToken").asBoolean(true)).isFalse();
    assertThat(pod.get("volumes")).allMatch(volume -> volume.has("emptyDir"));
    assertThat(all.containers())
        .hasSize(5)
        .allSatisfy(
            container -> {
              JsonNode context = container.get("securityContext");
              assertThat(context.get("allowPrivilegeEscalation").asBoolean(true)).isFalse();
              assertThat(context.get("readOnlyRootFilesystem").asBoolean()).isTrue();
              assertThat(context.at("/capabilities/drop/0").asString()).isEqualTo("ALL");
              assertThat(container.at("/resources/limits/memory").isString()).isTrue();
            });
  }

  /** In one network, a port that two containers have would keep one of them from starting. */
  @Test
  void shouldHaveAMetricsPortForEachService() {
    List<JsonNode> services =
        all.containers().stream().filter(container -> container.has("ports")).toList();

    assertThat(services)
        .extracting(container -> container.at("/ports/0/containerPort").asInt())
        .hasSize(4)
        .doesNotHaveDuplicates();
    assertThat(services)
        .allSatisfy(
            container -> {
              assertThat(container.at("/ports/0/name").asString()).isEqualTo("metrics");
              assertThat(container.at("/env/0/name").asString()).isEqualTo("METRICS_PORT");
              assertThat(container.at("/env/0/value").asString())
                  .isEqualTo(container.at("/ports/0/containerPort").asString());
            });
  }

  @Test
  void shouldTellTheServicesTheSizeOfTheVolume() {
    long volume = bytes(all.pod().at("/volumes/0/emptyDir/sizeLimit"));

    assertThat(SystemUtil.parseSize("", setting("PIPELINE_SHARED_MEMORY"))).isEqualTo(volume);
    assertThat(all.containers().getFirst().get("name").asString()).isEqualTo("media-driver");
    assertThat(bytes(all.containers().getFirst().at("/resources/limits/memory")))
        .isGreaterThan(volume);
  }

  @Test
  void shouldScaleByTheLagOfTheCellsGroup() {
    JsonNode trigger = all.only("ScaledObject").at("/spec/triggers/0/metadata");
    String topic = trigger.get("topic").asString();

    assertThat(setting("READER_SOURCE")).isEqualTo("kafka:" + topic);
    assertThat(trigger.get("consumerGroup").asString()).isEqualTo("frame-pipeline-" + topic);
    assertThat(trigger.get("bootstrapServers").asString())
        .isEqualTo(setting("KAFKA_BOOTSTRAP_SERVERS"));
  }

  private static void assertValid(Manifests manifests) throws IOException {
    for (JsonNode object : manifests.objects()) {
      Schema schema = SCHEMAS.get(object.get("kind").asString());
      if (schema != null) {
        schema.validate(JsonParser.parseString(object.toString()));
      }
    }
  }

  private static String setting(String name) {
    return all.only("ConfigMap").get("data").get(name).asString();
  }

  /** What Kubernetes writes as 256Mi is 256m elsewhere. */
  private static long bytes(JsonNode quantity) {
    return SystemUtil.parseSize("", quantity.asString().replaceFirst("i$", ""));
  }
}
