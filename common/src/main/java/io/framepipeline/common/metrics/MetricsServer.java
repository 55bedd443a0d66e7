package io.framepipeline.common.metrics;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import io.framepipeline.common.service.ExitCode;
import io.framepipeline.common.service.ExitException;
import io.framepipeline.common.transport.Stage;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import org.agrona.CloseHelper;

/**
 * {@code /metrics} for Prometheus, {@code /health/live} (200 while the duty cycle moves) and {@code
 * /health/ready} (200 while the driver is connected and the next stage present), else 503.
 */
public final class MetricsServer implements AutoCloseable {
  /** A duty cycle takes microseconds; one that takes this long hangs. */
  private static final long DUTY_CYCLE_LIMIT_NANOS = TimeUnit.SECONDS.toNanos(10);

  private final Stage stage;
  private final StageStats stats;
  private final AeronMetrics.Counters counters;
  private final ExecutorService executor;
  private final HttpServer server;

  /**
   * Made at the first scrape, since it takes as long as a third of a service's start. Written by
   * the executor's thread.
   */
  private volatile PrometheusMetrics metrics;

  /**
   * Binds and starts.
   *
   * @param port 0 for any free one
   * @param counters lends the present driver's counters
   * @throws ExitException with {@link ExitCode#USAGE} if the port cannot be had
   */
  public MetricsServer(int port, Stage stage, StageStats stats, AeronMetrics.Counters counters) {
    this.stage = stage;
    this.stats = stats;
    this.counters = counters;
    try {
      server = HttpServer.create(new InetSocketAddress(port), 0);
    } catch (IOException e) {
      throw new ExitException(
          ExitCode.USAGE,
          "METRICS_PORT=%d: %s; choose a free port, or 0 for any".formatted(port, e.getMessage()));
    }
    stats.metricsPort.setRelease(server.getAddress().getPort());

    server.createContext("/metrics", this::scrape);
    server.createContext(
        "/health/live", exchange -> answer(exchange, isLive(), "duty cycle stands still"));
    server.createContext("/health/ready", exchange -> answer(exchange, isReady(), "not connected"));
    // One thread: a scrape then sees one moment's ledger.
    executor =
        Executors.newSingleThreadExecutor(
            task -> Thread.ofPlatform().name("metrics").daemon().unstarted(task));
    server.setExecutor(executor);
    server.start();
  }

  /** The port that is listened on. */
  public int port() {
    return server.getAddress().getPort();
  }

  @Override
  public void close() {
    server.stop(0);
    executor.shutdownNow();
    CloseHelper.close(metrics);
  }

  private void scrape(HttpExchange exchange) throws IOException {
    if (metrics == null) {
      metrics = new PrometheusMetrics(stage, stats, counters);
    }
    metrics.handle(exchange);
  }

  private boolean isLive() {
    return System.nanoTime() - stats.dutyCycleNanos.get() < DUTY_CYCLE_LIMIT_NANOS;
  }

  private boolean isReady() {
    return isLive() && stats.ready.get() == 1;
  }

  private static void answer(HttpExchange exchange, boolean isWell, String otherwise)
      throws IOException {
    byte[] body = ((isWell ? "ok" : otherwise) + "\n").getBytes(StandardCharsets.US_ASCII);
    try (exchange) {
      exchange.getResponseHeaders().set("Content-Type", "text/plain; charset=us-ascii");
      exchange.sendResponseHeaders(isWell ? 200 : 503, body.length);
      exchange.getResponseBody().write(body);
    }
  }
}
