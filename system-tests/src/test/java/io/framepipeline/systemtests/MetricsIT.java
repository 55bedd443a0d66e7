package io.framepipeline.systemtests;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.framepipeline.common.metrics.Figure;
import io.framepipeline.common.topology.Stage;
import java.io.IOException;
import java.lang.ProcessBuilder.Redirect;
import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What Prometheus and an orchestrator see of each service. */
@Timeout(value = 3, unit = TimeUnit.MINUTES)
class MetricsIT {
  private static final HttpClient HTTP = HttpClient.newHttpClient();

  @TempDir private Path directory;

  @Test
  void shouldShowTheSameFiguresAsTheLedger() throws Exception {
    try (PipelineProcess run = PipelineProcess.run(directory)) {
      run.awaitAcknowledged(1000);
      String reader = get(run, Stage.READER, "/metrics").body();
      double read = sample(reader, "pipeline_frames_read_total{stage=\"reader\"}");
      assertThat(read)
          .isPositive()
          .isEqualTo(
              sample(reader, "pipeline_frames_acknowledged_total{stage=\"reader\"}")
                  + sample(reader, "pipeline_frames_in_flight{stage=\"reader\"}")
                  + sample(reader, "pipeline_frames_abandoned_total{stage=\"reader\"}"));
      assertThat(sample(reader, "pipeline_read_bytes_total{stage=\"reader\"}"))
          .isEqualTo(read * 4096);
      assertThat(
              sample(
                  get(run, Stage.RECIPROCAL, "/metrics").body(),
                  "pipeline_frames_transformed_total{stage=\"reciprocal\"}"))
          .isPositive();
      assertThat(
              sample(
                  get(run, Stage.NORM, "/metrics").body(), "pipeline_norm_count{stage=\"norm\"}"))
          .isPositive();
      for (Stage stage : Stage.values()) {
        assertThat(get(run, stage, "/health/live").statusCode()).isEqualTo(200);
        assertThat(get(run, stage, "/health/ready").statusCode()).isEqualTo(200);
      }
    }
  }

  @Test
  void shouldSayThatItIsNotReadyWithoutANextStage() throws Exception {
    try (PipelineProcess run = PipelineProcess.run(directory, "--rate", "100")) {
      run.awaitAcknowledged(10);
      // Stopped, not killed, the norms are not replaced; evicted after a while, they are gone.
      run.services(Stage.NORM).forEach(norm -> PipelineProcess.signal(norm.pid(), "STOP"));
      await()
          .atMost(PipelineProcess.LIMIT)
          .until(() -> get(run, Stage.RECIPROCAL, "/health/ready").statusCode() == 503);
      assertThat(get(run, Stage.RECIPROCAL, "/health/live").statusCode()).isEqualTo(200);
      run.services(Stage.NORM).forEach(norm -> PipelineProcess.signal(norm.pid(), "CONT"));
      await()
          .atMost(PipelineProcess.LIMIT)
          .until(() -> get(run, Stage.RECIPROCAL, "/health/ready").statusCode() == 200);
      run.assertDrains();
    }
  }

  @Test
  void shouldBeOfNoInterestToOtherMachines() throws Exception {
    try (PipelineProcess run = PipelineProcess.run(directory)) {
      for (Stage stage : Stage.values()) {
        assertThat(listeners(run.stats(stage).counter(Figure.METRICS_PORT).get()))
            .singleElement()
            .isIn("0100007F", "0000000000000000FFFF00000100007F");
      }
    }
  }

  @Test
  void shouldSatisfyPromtool() throws Exception {
    Surroundings.assumeProgram("promtool", "what promtool says of the metrics");
    try (PipelineProcess run = PipelineProcess.run(directory)) {
      run.awaitAcknowledged(1000);
      for (Stage stage : Stage.values()) {
        Path metrics =
            Files.writeString(directory.resolve(stage.label()), get(run, stage, "/metrics").body());
        Path verdict = directory.resolve(stage.label() + ".promtool");
        Process promtool =
            new ProcessBuilder("promtool", "check", "metrics")
                .redirectInput(metrics.toFile())
                .redirectErrorStream(true)
                .redirectOutput(verdict.toFile())
                .start();
        assertThat(promtool.waitFor()).as(Files.readString(verdict)).isZero();
        assertThat(verdict).isEmptyFile();
      }
    }
  }

  @Test
  void shouldRefuseAPortThatIsTakenInsteadOfChoosingAnother() throws Exception {
    try (ServerSocket taken = new ServerSocket(0)) {
      Path err = directory.resolve("err");
      ProcessBuilder builder =
          new ProcessBuilder(
                  Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                  "@" + Path.of(System.getProperty("pipeline.home"), "config", "jvm.options"),
                  "-cp",
                  System.getProperty("java.class.path"),
                  "io.framepipeline.norm.NormService")
              .redirectError(err.toFile())
              .redirectOutput(Redirect.DISCARD);
      builder.environment().put("METRICS_PORT", Integer.toString(taken.getLocalPort()));
      builder.environment().put("AERON_DIR", directory.resolve("aeron").toString());
      assertThat(builder.start().waitFor()).isEqualTo(64);
      assertThat(Files.readString(err).lines())
          .singleElement()
          .asString()
          .contains("METRICS_PORT=" + taken.getLocalPort() + ": Address already in use");
    }
  }

  private static HttpResponse<String> get(PipelineProcess run, Stage stage, String path)
      throws IOException, InterruptedException {
    long port = run.stats(stage).counter(Figure.METRICS_PORT).get();
    return HTTP.send(
        HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + path)).build(),
        HttpResponse.BodyHandlers.ofString());
  }

  /** The addresses on which a port is listened on, in hexadecimal, as the kernel lists them. */
  private static List<String> listeners(long port) throws IOException {
    String hexadecimalPort = HexFormat.of().withUpperCase().toHexDigits((short) port);
    Pattern listener = Pattern.compile(" *\\d+: (\\w+):" + hexadecimalPort + " \\w+:\\w+ 0A .*");
    List<String> sockets = new ArrayList<>();
    for (Path table : List.of(Path.of("/proc/net/tcp"), Path.of("/proc/net/tcp6"))) {
      if (Files.exists(table)) {
        sockets.addAll(Files.readAllLines(table));
      }
    }
    return sockets.stream()
        .map(listener::matcher)
        .filter(Matcher::matches)
        .map(socket -> socket.group(1))
        // The kernel lists a socket twice if others open while its table is read in pieces.
        .distinct()
        .toList();
  }

  private static double sample(String metrics, String series) {
    List<String> lines = metrics.lines().filter(line -> line.startsWith(series + " ")).toList();
    assertThat(lines).as(series + " in%n" + metrics).hasSize(1);
    return Double.parseDouble(lines.getFirst().substring(series.length() + 1));
  }
}
