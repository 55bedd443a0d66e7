package io.framepipeline.common.metrics;

import io.framepipeline.common.topology.Stage;
import io.framepipeline.common.wire.RejectReason;
import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tags;
import io.micrometer.core.instrument.binder.MeterBinder;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import io.prometheus.metrics.model.snapshots.Labels;
import java.util.function.ToDoubleFunction;
import org.agrona.concurrent.status.AtomicCounter;

/** Binds an instance's {@link StageStats}: the metrics of its stage, under their public names. */
final class StageMetrics implements MeterBinder {
  private final Stage stage;
  private final StageStats stats;
  private volatile Ledger.Entry ledger = Ledger.Entry.EMPTY;

  StageMetrics(Stage stage, StageStats stats) {
    this.stage = stage;
    this.stats = stats;
  }

  /**
   * Copies the ledger of one moment, so that the figures of a scrape add up. Call this before each
   * scrape.
   */
  void beforeScrape() {
    ledger = stats.ledger.read();
  }

  @Override
  public void bindTo(MeterRegistry registry) {
    for (Figure figure : Figure.values()) {
      if (figure.isShownBy(stage)) {
        bind(figure, registry);
      }
    }
    for (RejectReason reason : RejectReason.values()) {
      FunctionCounter.builder(
              "pipeline.messages.rejected", stats.rejected(reason), AtomicCounter::get)
          .description("Messages in the inbox that were skipped, or frames of them")
          .tag("reason", reason.label())
          .register(registry);
    }
    if (stage.isFirst()) {
      for (LedgerFigure figure : LedgerFigure.values()) {
        bind(figure, registry);
      }
    }
    if (stage.isLast() && registry instanceof PrometheusMeterRegistry prometheus) {
      bindHistograms(prometheus.getPrometheusRegistry());
    }
  }

  private void bind(Figure figure, MeterRegistry registry) {
    ToDoubleFunction<AtomicCounter> value = counter -> counter.get() * figure.scale;
    Tags tags = figure.state == null ? Tags.empty() : Tags.of("state", figure.state);
    switch (figure.type) {
      case INTERNAL -> {}
      case COUNTER ->
          FunctionCounter.builder(figure.metric, stats.counter(figure), value)
              .tags(tags)
              .description(figure.description)
              .baseUnit(figure.unit)
              .register(registry);
      case GAUGE ->
          Gauge.builder(figure.metric, stats.counter(figure), value)
              .description(figure.description)
              .baseUnit(figure.unit)
              .register(registry);
    }
  }

  private void bind(LedgerFigure figure, MeterRegistry registry) {
    ToDoubleFunction<StageMetrics> value = self -> figure.value.applyAsDouble(self.ledger);
    if (figure.isGauge()) {
      Gauge.builder(figure.metric, this, value)
          .description(figure.description)
          .baseUnit(figure.unit)
          .register(registry);
    } else {
      FunctionCounter.builder(figure.metric, this, value)
          .description(figure.description)
          .baseUnit(figure.unit)
          .register(registry);
    }
  }

  /**
   * Registers with Prometheus directly: Micrometer has no histogram that the hot path fills itself.
   */
  private void bindHistograms(PrometheusRegistry registry) {
    Labels labels = Labels.of("stage", stage.label());
    registry.register(
        new HistogramCollector(
            "pipeline_norm", "Frobenius norms", labels, stats.norms, Buckets.NORM, 1, 1.0));
    registry.register(
        new HistogramCollector(
            "pipeline_frame_latency_seconds",
            "Time from a frame's last byte being read to its norm",
            labels,
            stats.latencyNanos,
            Buckets.LATENCY_NANOS,
            Buckets.LATENCY_EXPORT_STEP,
            1e-9));
  }
}
