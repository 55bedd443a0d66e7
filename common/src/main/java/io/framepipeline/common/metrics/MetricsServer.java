package io.framepipeline.common.metrics;

import io.framepipeline.common.config.ExitCode;
import io.framepipeline.common.config.ExitException;
import io.framepipeline.common.http.HttpAnswer;
import io.framepipeline.common.http.HttpRequest;
import io.framepipeline.common.http.HttpServer;
import io.framepipeline.common.http.HttpStatus;
import io.framepipeline.common.topology.Stage;
import io.micrometer.core.instrument.binder.MeterBinder;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import org.agrona.CloseHelper;

/**
 * Serves {@code /metrics} for Prometheus, {@code /health/live} (200 while the duty cycle moves) and
 * {@code /health/ready} (200 while the driver is connected and the next stage is present).
 * Otherwise health is 503.
 */
public final class MetricsServer implements AutoCloseable {
  /** A duty cycle takes microseconds. One that takes this long hangs. */
  private static final long DUTY_CYCLE_LIMIT_NANOS = TimeUnit.SECONDS.toNanos(10);

  /** Scrapes take milliseconds. A container engine gives up a health check after the same time. */
  private static final Duration CLIENT_LIMIT = Duration.ofSeconds(5);

  private final Stage stage;
  private final StageStats stats;
  private final AeronMetrics.Counters counters;
  private final MeterBinder ofStage;

  /** One thread, so that a scrape sees the ledger of one moment. */
  private final ExecutorService scraper =
      Executors.newSingleThreadExecutor(
          task -> Thread.ofPlatform().name("scrape").daemon().unstarted(task));

  private final HttpServer server;

  /**
   * Made at the first scrape, because that takes as long as a third of a service's start. Written
   * by the scraper's thread.
   */
  private volatile PrometheusMetrics metrics;

  /**
   * Binds and starts.
   *
   * @param address port 0 means any free port
   * @param counters lends the present driver's counters
   * @param ofStage binds what only this stage has
   * @throws ExitException with {@link ExitCode#USAGE} if the port cannot be bound
   */
  public MetricsServer(
      InetSocketAddress address,
      Stage stage,
      StageStats stats,
      AeronMetrics.Counters counters,
      MeterBinder ofStage) {
    this.stage = stage;
    this.stats = stats;
    this.counters = counters;
    this.ofStage = ofStage;
    try {
      server =
          new HttpServer(
              "metrics",
              address,
              CLIENT_LIMIT,
              Map.of(
                  "/metrics",
                  new HttpServer.Page(scraper, this::scrape),
                  "/health/live",
                  health(this::isLive, "duty cycle stands still"),
                  "/health/ready",
                  health(this::isReady, "not connected")));
    } catch (IOException e) {
      throw new ExitException(
          ExitCode.USAGE,
          "METRICS_PORT=%s: %s; choose a free port, or 0 for any"
              .formatted(address.getPort(), e.getMessage()));
    }
    stats.counter(Figure.METRICS_PORT).setRelease(server.port());
  }

  /** The port on which the server listens. */
  public int port() {
    return server.port();
  }

  @Override
  public void close() {
    server.close();
    scraper.shutdownNow();
    scraper.close();
    CloseHelper.close(metrics);
  }

  private HttpAnswer scrape(HttpRequest request) {
    if (metrics == null) {
      metrics = new PrometheusMetrics(stage, stats, counters, ofStage);
    }
    return metrics.scrape(request.header("accept"));
  }

  private boolean isLive() {
    return System.nanoTime() - stats.counter(Figure.DUTY_CYCLE_NANOS).get()
        < DUTY_CYCLE_LIMIT_NANOS;
  }

  private boolean isReady() {
    return isLive() && stats.counter(Figure.READY).get() == 1;
  }

  /** A page that takes no time. The server's own thread makes it, so that no scrape delays it. */
  private static HttpServer.Page health(BooleanSupplier isWell, String otherwise) {
    return new HttpServer.Page(
        Runnable::run,
        request ->
            isWell.getAsBoolean()
                ? HttpAnswer.line(HttpStatus.OK, "ok")
                : HttpAnswer.line(HttpStatus.UNAVAILABLE, otherwise));
  }
}
