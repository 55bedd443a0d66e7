package io.framepipeline.common.metrics;

import com.sun.management.OperatingSystemMXBean;
import io.framepipeline.common.http.HttpAnswer;
import io.framepipeline.common.http.HttpStatus;
import io.framepipeline.common.topology.Stage;
import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.binder.MeterBinder;
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
import io.prometheus.metrics.expositionformats.ExpositionFormatWriter;
import io.prometheus.metrics.expositionformats.ExpositionFormats;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;

/** What Prometheus sees: the figures of an instance, of the media driver and of this JVM. */
final class PrometheusMetrics implements AutoCloseable {
  private final PrometheusMeterRegistry registry =
      new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);
  private final ExpositionFormats formats = ExpositionFormats.init();
  private final JvmGcMetrics gcMetrics = new JvmGcMetrics();

  // Kept here, because the registry has only weak references to the objects that it asks for
  // figures.
  private final StageMetrics stageMetrics;
  private final AeronMetrics aeronMetrics;

  PrometheusMetrics(
      Stage stage, StageStats stats, AeronMetrics.Counters counters, MeterBinder ofStage) {
    registry
        .config()
        .commonTags("stage", stage.label())
        .meterFilter(MeterFilter.denyNameStartsWith("process.cpu.time"))
        .meterFilter(MeterFilter.denyNameStartsWith("system.cpu.count"));
    stageMetrics = new StageMetrics(stage, stats);
    stageMetrics.bindTo(registry);
    aeronMetrics = new AeronMetrics(counters);
    aeronMetrics.bindTo(registry);
    new ClassLoaderMetrics().bindTo(registry);
    gcMetrics.bindTo(registry);
    new JvmInfoMetrics().bindTo(registry);
    new JvmMemoryMetrics().bindTo(registry);
    new JvmThreadMetrics().bindTo(registry);
    new FileDescriptorMetrics().bindTo(registry);
    bindCpu();
    new UptimeMetrics().bindTo(registry);
    ofStage.bindTo(registry);
  }

  /**
   * The figures of one moment. Only one thread at a time may call this.
   *
   * @param accept the formats that the client takes, in HTTP's notation; empty for Prometheus' text
   */
  HttpAnswer scrape(String accept) {
    stageMetrics.beforeScrape();
    aeronMetrics.beforeScrape();
    ExpositionFormatWriter openMetrics = formats.getOpenMetricsTextFormatWriter();
    ExpositionFormatWriter format =
        openMetrics.accepts(accept) ? openMetrics : formats.getPrometheusTextFormatWriter();
    ByteArrayOutputStream body = new ByteArrayOutputStream();
    try {
      format.write(body, registry.getPrometheusRegistry().scrape());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return new HttpAnswer(
        HttpStatus.OK, format.getContentType(), ByteBuffer.wrap(body.toByteArray()));
  }

  @Override
  public void close() {
    gcMetrics.close();
    registry.close();
  }

  /**
   * Uses Micrometer's binder, except for two names that {@code promtool} rejects and filters deny.
   */
  private void bindCpu() {
    new ProcessorMetrics().bindTo(registry);
    OperatingSystemMXBean system = ManagementFactory.getPlatformMXBean(OperatingSystemMXBean.class);
    FunctionCounter.builder("process.cpu", system, bean -> bean.getProcessCpuTime() / 1e9)
        .description("CPU time of this process")
        .baseUnit("seconds")
        .register(registry);
  }
}
