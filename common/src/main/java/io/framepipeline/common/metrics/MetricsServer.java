package io.framepipeline.common.metrics;

import com.sun.management.OperatingSystemMXBean;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import io.framepipeline.common.service.ExitCode;
import io.framepipeline.common.service.ExitException;
import io.framepipeline.common.transport.Stage;
import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.binder.jvm.ClassLoaderMetrics;
import io.micrometer.core.instrument.binder.jvm.JvmGcMetrics;
import io.micrometer.core.instrument.binder.jvm.JvmInfoMetrics;
import io.micrometer.core.instrument.binder.jvm.JvmMemoryMetrics;
import io.micrometer.core.instrument.binder.jvm.JvmThreadMetrics;
import io.micrometer.core.instrument.binder.system.FileDescriptorMetrics;
import io.micrometer.core.instrument.binder.system.ProcessorMetrics;
import io.micrometer.core.instrument.binder.system.UptimeMetrics;
import io.micrometer.core.instrument.config.MeterFilter;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import io.prometheus.metrics.exporter.httpserver.MetricsHandler;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;

/**
 * {@code /metrics} for Prometheus, {@code /health/live} (200 while the duty cycle moves) and {@code
 * /health/ready} (200 while the driver is connected and the next stage present), else 503.
 */
public final class MetricsServer implements AutoCloseable {
  /** A duty cycle takes microseconds; one that takes this long hangs. */
  private static final long DUTY_CYCLE_LIMIT_NANOS = TimeUnit.SECONDS.toNanos(10);

  private final StageStats stats;
  private final PrometheusMeterRegistry registry =
      new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);
  private final JvmGcMetrics gcMetrics = new JvmGcMetrics();

  /** Kept, since the registry holds what it asks for figures by weak references. */
  private final AeronMetrics aeronMetrics;

  private final ExecutorService executor;
  private final HttpServer server;

  /**
   * Binds and starts.
   *
   * @param port 0 for any free one
   * @param counters lends the present driver's counters
   * @throws ExitException with {@link ExitCode#USAGE} if the port cannot be had
   */
  public MetricsServer(int port, Stage stage, StageStats stats, AeronMetrics.Counters counters) {
    this.stats = stats;
    try {
      server = HttpServer.create(new InetSocketAddress(port), 0);
    } catch (IOException e) {
      throw new ExitException(
          ExitCode.USAGE,
          "METRICS_PORT=%d: %s; choose a free port, or 0 for any".formatted(port, e.getMessage()));
    }
    stats.metricsPort.setRelease(server.getAddress().getPort());

    registry
        .config()
        .commonTags("stage", stage.label())
        .meterFilter(MeterFilter.denyNameStartsWith("process.cpu.time"))
        .meterFilter(MeterFilter.denyNameStartsWith("system.cpu.count"));
    StageMetrics stageMetrics = new StageMetrics(stage, stats);
    stageMetrics.bindTo(registry);
    aeronMetrics = new AeronMetrics(counters);
    aeronMetrics.bindTo(registry);
    new ClassLoaderMetrics().bindTo(registry);
    gcMetrics.bindTo(registry);
    new JvmInfoMetrics().bindTo(registry);
    new JvmMemoryMetrics().bindTo(registry);
    new JvmThreadMetrics().bindTo(registry);
    new FileDescriptorMetrics().bindTo(registry);
    bindProcessor();
    new UptimeMetrics().bindTo(registry);

    MetricsHandler metrics = new MetricsHandler(registry.getPrometheusRegistry());
    server.createContext(
        "/metrics",
        exchange -> {
          stageMetrics.beforeScrape();
          aeronMetrics.beforeScrape();
          metrics.handle(exchange);
        });
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
    gcMetrics.close();
    registry.close();
  }

  /**
   * Micrometer's binder, but for two names that {@code promtool} objects to and that are denied.
   */
  private void bindProcessor() {
    new ProcessorMetrics().bindTo(registry);
    OperatingSystemMXBean system = ManagementFactory.getPlatformMXBean(OperatingSystemMXBean.class);
    FunctionCounter.builder("process.cpu", system, bean -> bean.getProcessCpuTime() / 1e9)
        .description("CPU time of this process")
        .baseUnit("seconds")
        .register(registry);
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
