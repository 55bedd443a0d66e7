package io.framepipeline.common.metrics;

import static java.net.http.HttpResponse.BodyHandlers.ofString;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.aeron.AeronCounters;
import io.framepipeline.common.config.ExitException;
import io.framepipeline.common.topology.Stage;
import io.framepipeline.common.wire.RejectReason;
import io.micrometer.core.instrument.binder.MeterBinder;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.agrona.BufferUtil;
import org.agrona.concurrent.UnsafeBuffer;
import org.agrona.concurrent.status.CountersManager;
import org.agrona.concurrent.status.CountersReader;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(60)
class MetricsServerTest {
  private static final InetSocketAddress ANY_PORT = new InetSocketAddress(0);

  private static final HttpClient CLIENT = HttpClient.newHttpClient();

  private static final List<String> OF_EVERY_STAGE =
      List.of(
          "pipeline_messages_rejected_total",
          "pipeline_duty_cycle_seconds_total",
          "pipeline_last_progress_timestamp_seconds",
          "aeron_errors_total",
          "aeron_client_timeouts_total",
          "aeron_mapped_bytes",
          "aeron_publications",
          "aeron_publications_backpressured",
          "aeron_subscribers",
          "jvm_memory_used_bytes",
          "jvm_threads_live_threads",
          "process_uptime_seconds",
          "process_files_open_files");

  private static final List<String> OF_SENDERS =
      List.of("pipeline_backpressure_total", "pipeline_downstream_instances");

  private static final MeterBinder NOTHING = registry -> {};

  private final StageStats stats = StageStats.inMemory();

  @AfterAll
  static void closeClient() {
    CLIENT.close();
  }

  @ParameterizedTest
  @EnumSource
  void shouldShowEveryMetricOfItsStageAndNoOthers(Stage stage) throws Exception {
    try (MetricsServer server =
        new MetricsServer(ANY_PORT, stage, stats, reader -> reader.accept(null), NOTHING)) {
      List<String> names =
          samples(server).stream().map(line -> line.split("[{ ]", 2)[0]).distinct().toList();

      assertThat(names).containsAll(OF_EVERY_STAGE);
      assertThat(names)
          .filteredOn(name -> name.startsWith("pipeline_") && !OF_EVERY_STAGE.contains(name))
          .containsExactlyInAnyOrderElementsOf(ofStage(stage));
    }
  }

  /** Commas for decimals, an i without a dot, other digits. */
  @ParameterizedTest
  @ValueSource(strings = {"de-DE", "tr-TR", "ar-EG-u-nu-arab", "fa-IR", "hi-IN-u-nu-deva"})
  void shouldShowTheSameInEveryLocale(String languageTag) throws Exception {
    List<String> expected = seriesInLocale(Locale.ROOT);
    assertThat(expected).contains("pipeline_norm_bucket{stage=\"norm\",le=\"0.25\"}");
    assertThat(seriesInLocale(Locale.forLanguageTag(languageTag))).isEqualTo(expected);
  }

  /** Prometheus owns instance and job. */
  @ParameterizedTest
  @EnumSource
  void shouldTagEverySampleWithTheStageAndNoneWithInstanceOrJob(Stage stage) throws Exception {
    try (MetricsServer server =
        new MetricsServer(ANY_PORT, stage, stats, reader -> reader.accept(null), NOTHING)) {
      assertThat(samples(server))
          .isNotEmpty()
          .allSatisfy(
              line ->
                  assertThat(line)
                      .contains("stage=\"" + stage.label() + "\"")
                      .doesNotContain("instance=\"")
                      .doesNotContain("job=\""));
    }
  }

  @Test
  void shouldShowTheLedgerOfOneMoment() throws Exception {
    try (MetricsServer server =
        new MetricsServer(ANY_PORT, Stage.READER, stats, reader -> reader.accept(null), NOTHING)) {
      stats.ledger.write(11, 5, 3, 2, 1, 7);
      stats.counter(Figure.WINDOW_FRAMES).setRelease(64);
      stats.counter(Figure.FRAMES_PADDED).setRelease(1);
      stats.counter(Figure.LAST_PROGRESS_EPOCH_MILLIS).setRelease(1_500);

      assertThat(value(server, "pipeline_frames_read_total")).isEqualTo(11);
      assertThat(value(server, "pipeline_read_bytes_total")).isEqualTo(45_056);
      assertThat(value(server, "pipeline_frames_acknowledged_total")).isEqualTo(5);
      assertThat(value(server, "pipeline_frames_returned_total")).isEqualTo(1);
      assertThat(value(server, "pipeline_frames_in_flight")).isEqualTo(3);
      assertThat(value(server, "pipeline_frames_abandoned_total")).isEqualTo(2);
      assertThat(value(server, "pipeline_frames_redelivered_total")).isEqualTo(7);
      assertThat(value(server, "pipeline_frames_padded_total")).isEqualTo(1);
      assertThat(value(server, "pipeline_window_frames")).isEqualTo(64);
      assertThat(value(server, "pipeline_last_progress_timestamp_seconds")).isEqualTo(1.5);
    }
  }

  /** Scrapes at once, of a ledger that moves. */
  @Test
  void shouldShowOneMomentToEachOfSeveralClients() throws Exception {
    try (MetricsServer server =
        new MetricsServer(ANY_PORT, Stage.READER, stats, reader -> reader.accept(null), NOTHING)) {
      AtomicBoolean isDone = new AtomicBoolean();
      Thread writer =
          Thread.ofPlatform()
              .daemon()
              .start(
                  () -> {
                    for (long frames = 0; !isDone.get(); frames++) {
                      stats.ledger.write(3 * frames, frames, frames, frames, 0, 0);
                    }
                  });
      List<CompletableFuture<HttpResponse<String>>> scrapes =
          IntStream.range(0, 20)
              .mapToObj(i -> CLIENT.sendAsync(request(server, "/metrics"), ofString()))
              .toList();
      for (CompletableFuture<HttpResponse<String>> scrape : scrapes) {
        List<String> samples = scrape.get().body().lines().toList();
        assertThat(single(samples, "pipeline_frames_read_total{", ""))
            .isEqualTo(
                single(samples, "pipeline_frames_acknowledged_total{", "")
                    + single(samples, "pipeline_frames_in_flight{", "")
                    + single(samples, "pipeline_frames_abandoned_total{", ""));
      }
      isDone.set(true);
      writer.join();
    }
  }

  /** The second is what Prometheus 3 asks for. */
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          */* | text/plain; version=0.0.4; charset=utf-8
          application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,text/plain;q=0.5 | application/openmetrics-text; version=1.0.0; charset=utf-8
          application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily | text/plain; version=0.0.4; charset=utf-8
          """)
  void shouldAnswerInAFormatThatTheClientTakes(String accept, String contentType) throws Exception {
    try (MetricsServer server =
        new MetricsServer(ANY_PORT, Stage.NORM, stats, reader -> reader.accept(null), NOTHING)) {
      HttpRequest request =
          HttpRequest.newBuilder(request(server, "/metrics"), (name, value) -> true)
              .header("Accept", accept)
              .build();
      HttpResponse<String> response = CLIENT.send(request, ofString());
      assertThat(response.headers().firstValue("Content-Type")).hasValue(contentType);
      assertThat(response.body().endsWith("# EOF\n"))
          .isEqualTo(contentType.startsWith("application/openmetrics-text"));
    }
  }

  @Test
  void shouldTellHowItIsWhileAScrapeTakesLong() throws Exception {
    CountDownLatch isReleased = new CountDownLatch(1);
    try (MetricsServer server =
        new MetricsServer(ANY_PORT, Stage.NORM, stats, reader -> await(isReleased), NOTHING)) {
      CompletableFuture<HttpResponse<String>> scrape =
          CLIENT.sendAsync(request(server, "/metrics"), ofString());
      assertThat(get(server, "/health/live").statusCode()).isEqualTo(503);
      isReleased.countDown();
      assertThat(scrape.get().statusCode()).isEqualTo(200);
    }
  }

  @Test
  void shouldCountRejectedMessagesByReason() throws Exception {
    try (MetricsServer server =
        new MetricsServer(
            ANY_PORT, Stage.RECIPROCAL, stats, reader -> reader.accept(null), NOTHING)) {
      stats.rejected(RejectReason.SCHEMA).setRelease(3);

      List<String> rejected =
          samples(server).stream()
              .filter(line -> line.startsWith("pipeline_messages_rejected_total"))
              .toList();
      assertThat(rejected).hasSize(RejectReason.values().length);
      assertThat(rejected)
          .filteredOn(line -> !line.endsWith(" 0.0"))
          .singleElement()
          .satisfies(line -> assertThat(line).contains("reason=\"schema\"").endsWith(" 3.0"));
    }
  }

  @Test
  void shouldShowHistogramsWhoseBucketsHoldWhatWasRecorded() throws Exception {
    try (MetricsServer server =
        new MetricsServer(ANY_PORT, Stage.NORM, stats, reader -> reader.accept(null), NOTHING)) {
      stats.norms.record(0.25);
      stats.norms.record(5.08);
      stats.norms.record(65);
      stats.latencyNanos.record(1_000);
      stats.latencyNanos.record(1_050);
      stats.latencyNanos.record(2e10);

      assertThat(value(server, "pipeline_norm_count")).isEqualTo(3);
      assertThat(value(server, "pipeline_norm_sum")).isEqualTo(70.33);
      assertThat(bucket(server, "pipeline_norm", "0.25")).isEqualTo(1);
      assertThat(bucket(server, "pipeline_norm", "5.0")).isEqualTo(1);
      assertThat(bucket(server, "pipeline_norm", "5.1")).isEqualTo(2);
      assertThat(bucket(server, "pipeline_norm", "64.0")).isEqualTo(2);
      assertThat(bucket(server, "pipeline_norm", "+Inf")).isEqualTo(3);

      assertThat(value(server, "pipeline_frame_latency_seconds_count")).isEqualTo(3);
      assertThat(bucket(server, "pipeline_frame_latency_seconds", "1.0E-6")).isEqualTo(1);
      assertThat(bucket(server, "pipeline_frame_latency_seconds", "1.2E-6")).isEqualTo(2);
      assertThat(bucket(server, "pipeline_frame_latency_seconds", "10.0")).isEqualTo(2);
      assertThat(bucket(server, "pipeline_frame_latency_seconds", "+Inf")).isEqualTo(3);
    }
  }

  @Test
  void shouldShowTheDriversCountersWhileConnected() throws Exception {
    CountersManager counters =
        new CountersManager(
            new UnsafeBuffer(
                BufferUtil.allocateDirectAligned(64 * CountersReader.METADATA_LENGTH, 64)),
            new UnsafeBuffer(
                BufferUtil.allocateDirectAligned(64 * CountersReader.COUNTER_LENGTH, 64)));
    // System counters have fixed ids, the first ones.
    for (int id = 0; id < 48; id++) {
      counters.allocate("system counter", AeronCounters.DRIVER_SYSTEM_COUNTER_TYPE_ID);
    }
    counters.setCounterValue(AeronCounters.SYSTEM_COUNTER_ID_ERRORS, 3);
    publication(counters, 1, 100, 100);
    publication(counters, 2, 99, 100);
    counters.allocate("subscriber", AeronCounters.DRIVER_SUBSCRIBER_POSITION_TYPE_ID);
    CountersReader[] connection = {counters};

    try (MetricsServer server =
        new MetricsServer(
            ANY_PORT, Stage.NORM, stats, reader -> reader.accept(connection[0]), NOTHING)) {
      // The registry asks by weak references: what it asks must be held by somebody else.
      System.gc();
      assertThat(value(server, "aeron_errors_total")).isEqualTo(3);
      assertThat(value(server, "aeron_publications")).isEqualTo(2);
      assertThat(value(server, "aeron_publications_backpressured")).isEqualTo(1);
      assertThat(value(server, "aeron_subscribers")).isEqualTo(1);

      connection[0] = null;
      assertThat(value(server, "aeron_errors_total")).isNaN();
      assertThat(value(server, "aeron_publications")).isNaN();
    }
  }

  @Test
  void shouldBeLiveWhileTheDutyCycleMoves() throws Exception {
    try (MetricsServer server =
        new MetricsServer(ANY_PORT, Stage.NORM, stats, reader -> reader.accept(null), NOTHING)) {
      stats.counter(Figure.DUTY_CYCLE_NANOS).setRelease(System.nanoTime());
      assertThat(get(server, "/health/live").statusCode()).isEqualTo(200);

      stats
          .counter(Figure.DUTY_CYCLE_NANOS)
          .setRelease(System.nanoTime() - TimeUnit.SECONDS.toNanos(60));
      assertThat(get(server, "/health/live").statusCode()).isEqualTo(503);
    }
  }

  @Test
  void shouldBeReadyWhileTheStageSaysSoAndTheDutyCycleMoves() throws Exception {
    try (MetricsServer server =
        new MetricsServer(ANY_PORT, Stage.NORM, stats, reader -> reader.accept(null), NOTHING)) {
      stats.counter(Figure.DUTY_CYCLE_NANOS).setRelease(System.nanoTime());
      assertThat(get(server, "/health/ready").statusCode()).isEqualTo(503);

      stats.counter(Figure.READY).setRelease(1);
      assertThat(get(server, "/health/ready").statusCode()).isEqualTo(200);

      stats
          .counter(Figure.DUTY_CYCLE_NANOS)
          .setRelease(System.nanoTime() - TimeUnit.SECONDS.toNanos(60));
      assertThat(get(server, "/health/ready").statusCode()).isEqualTo(503);
    }
  }

  @Test
  void shouldTellWhichPortItListensOn() {
    try (MetricsServer server =
        new MetricsServer(ANY_PORT, Stage.NORM, stats, reader -> reader.accept(null), NOTHING)) {
      assertThat(server.port()).isPositive();
      assertThat(stats.counter(Figure.METRICS_PORT).get()).isEqualTo(server.port());
    }
  }

  @Test
  void shouldEndWithOneLineIfThePortIsTaken() throws IOException {
    try (ServerSocket taken = new ServerSocket(0)) {
      int port = taken.getLocalPort();

      ExitException refused =
          catchThrowableOfType(
              ExitException.class,
              () ->
                  new MetricsServer(
                      new InetSocketAddress(port),
                      Stage.NORM,
                      stats,
                      reader -> reader.accept(null),
                      NOTHING));

      assertThat(refused).isNotNull().hasMessageStartingWith("METRICS_PORT=" + port + ": ");
      assertThat(refused.exitCode()).isEqualTo(64);
      assertThat(refused.getMessage().lines()).hasSize(1);
    }
  }

  private static void publication(
      CountersManager counters, long registrationId, long position, long limit) {
    int positionId = counters.allocate("position", AeronCounters.DRIVER_PUBLISHER_POS_TYPE_ID);
    counters.setCounterRegistrationId(positionId, registrationId);
    counters.setCounterValue(positionId, position);
    int limitId = counters.allocate("limit", AeronCounters.DRIVER_PUBLISHER_LIMIT_TYPE_ID);
    counters.setCounterRegistrationId(limitId, registrationId);
    counters.setCounterValue(limitId, limit);
  }

  private static List<String> ofStage(Stage stage) {
    if (stage.isFirst()) {
      return Stream.concat(
              OF_SENDERS.stream(),
              Stream.of(
                  "pipeline_frames_read_total",
                  "pipeline_read_bytes_total",
                  "pipeline_frames_acknowledged_total",
                  "pipeline_frames_redelivered_total",
                  "pipeline_frames_abandoned_total",
                  "pipeline_frames_returned_total",
                  "pipeline_records_rejected_total",
                  "pipeline_source_partitions",
                  "pipeline_source_lag_records",
                  "pipeline_frames_duplicate_total",
                  "pipeline_frames_padded_total",
                  "pipeline_frames_in_flight",
                  "pipeline_window_frames",
                  "pipeline_results_waiting_frames"))
          .toList();
    }
    if (!stage.isLast()) {
      return Stream.concat(
              OF_SENDERS.stream(),
              Stream.of("pipeline_frames_transformed_total", "pipeline_inbox_frames"))
          .toList();
    }
    return List.of(
        "pipeline_frames_normed_total",
        "pipeline_inbox_frames",
        "pipeline_norm_bucket",
        "pipeline_norm_count",
        "pipeline_norm_sum",
        "pipeline_frame_latency_seconds_bucket",
        "pipeline_frame_latency_seconds_count",
        "pipeline_frame_latency_seconds_sum");
  }

  private static double bucket(MetricsServer server, String name, String bound)
      throws IOException, InterruptedException {
    return single(server, name + "_bucket{", "le=\"" + bound + "\"");
  }

  private static double value(MetricsServer server, String name)
      throws IOException, InterruptedException {
    return single(server, name + "{", "");
  }

  private static double single(MetricsServer server, String start, String part)
      throws IOException, InterruptedException {
    return single(samples(server), start, part);
  }

  private static double single(List<String> samples, String start, String part) {
    List<String> found =
        samples.stream().filter(line -> line.startsWith(start) && line.contains(part)).toList();
    assertThat(found).as("%s %s", start, part).hasSize(1);
    return Double.parseDouble(found.getFirst().substring(found.getFirst().lastIndexOf(' ') + 1));
  }

  private List<String> seriesInLocale(Locale locale) throws Exception {
    Locale before = Locale.getDefault();
    Locale.setDefault(locale);
    try (MetricsServer server =
        new MetricsServer(ANY_PORT, Stage.NORM, stats, reader -> reader.accept(null), NOTHING)) {
      return samples(server).stream()
          .filter(line -> line.startsWith("pipeline_"))
          .map(line -> line.substring(0, line.lastIndexOf(' ')))
          .toList();
    } finally {
      Locale.setDefault(before);
    }
  }

  private static List<String> samples(MetricsServer server)
      throws IOException, InterruptedException {
    HttpResponse<String> response = get(server, "/metrics");
    assertThat(response.statusCode()).isEqualTo(200);
    return response.body().lines().filter(line -> !line.startsWith("#")).toList();
  }

  private static HttpResponse<String> get(MetricsServer server, String path)
      throws IOException, InterruptedException {
    return CLIENT.send(request(server, path), ofString());
  }

  private static HttpRequest request(MetricsServer server, String path) {
    return HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + server.port() + path)).build();
  }

  private static void await(CountDownLatch latch) {
    try {
      latch.await();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
