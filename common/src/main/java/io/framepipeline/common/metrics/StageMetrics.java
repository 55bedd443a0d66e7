package io.framepipeline.common.metrics;

import io.framepipeline.common.frame.Frames;
import io.framepipeline.common.frame.Verdict;
import io.framepipeline.common.transport.Stage;
import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.binder.MeterBinder;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import io.prometheus.metrics.model.snapshots.Labels;
import java.util.function.ToDoubleFunction;
import org.agrona.concurrent.status.AtomicCounter;

/**
 * Binds an instance's {@link StageStats}: the metrics that its stage has, under their public names.
 */
public final class StageMetrics implements MeterBinder {
  private final Stage stage;
  private final StageStats stats;
  private volatile Ledger.Entry ledger = Ledger.Entry.EMPTY;

  public StageMetrics(Stage stage, StageStats stats) {
    this.stage = stage;
    this.stats = stats;
  }

  /**
   * Takes one moment's ledger, so that the figures of a scrape add up; called before each scrape.
   */
  public void beforeScrape() {
    ledger = stats.ledger.read();
  }

  @Override
  public void bindTo(MeterRegistry registry) {
    switch (stage) {
      case READER -> bindReader(registry);
      case RECIPROCAL ->
          counter(
              registry,
              "pipeline.frames.transformed",
              "Frames turned into reciprocals",
              stats.framesTransformed);
      case NORM -> bindNorm(registry);
    }
    if (stage != Stage.NORM) {
      counter(
          registry,
          "pipeline.backpressure",
          "Times that every inbox of the next stage was full",
          stats.backpressure);
      gauge(
          registry,
          "pipeline.downstream.instances",
          "Inboxes of the next stage that are known",
          stats.downstreamInstances);
    }
    for (Verdict verdict : Verdict.values()) {
      if (verdict != Verdict.ACCEPTED) {
        FunctionCounter.builder(
                "pipeline.messages.rejected", stats.messages(verdict), AtomicCounter::get)
            .description("Messages in the inbox that were skipped, or frames of them")
            .tag("reason", verdict.reason())
            .register(registry);
      }
    }
    Gauge.builder(
            "pipeline.last.progress.timestamp",
            stats.lastProgressEpochMillis,
            millis -> millis.get() / 1e3)
        .description("Unix time when a frame or an answer last got further")
        .baseUnit("seconds")
        .register(registry);
  }

  private void bindReader(MeterRegistry registry) {
    ledgerCounter(
        registry, "pipeline.frames.read", "Frames read from the source", Ledger.Entry::framesRead);
    FunctionCounter.builder(
            "pipeline.read",
            this,
            self -> (double) self.ledger.framesRead() * Frames.BYTE_PAYLOAD_LENGTH)
        .description("Bytes of the frames read from the source")
        .baseUnit("bytes")
        .register(registry);
    ledgerCounter(
        registry,
        "pipeline.frames.acknowledged",
        "Frames whose norm came and, if results are, was written; each once",
        Ledger.Entry::framesAcknowledged);
    ledgerCounter(
        registry,
        "pipeline.frames.redelivered",
        "Deliveries beyond a frame's first",
        Ledger.Entry::framesRedelivered);
    ledgerCounter(
        registry,
        "pipeline.frames.abandoned",
        "Frames given up after too many deliveries",
        Ledger.Entry::framesAbandoned);
    counter(
        registry,
        "pipeline.frames.duplicate",
        "Answers for frames that were done already",
        stats.framesDuplicate);
    counter(
        registry,
        "pipeline.frames.padded",
        "Last frames filled up with zero bytes",
        stats.framesPadded);
    Gauge.builder("pipeline.frames.in.flight", this, self -> self.ledger.framesInFlight())
        .description("Frames retained until their acknowledgement")
        .register(registry);
    gauge(
        registry,
        "pipeline.window.frames",
        "Frames that can be in flight without their norm",
        stats.windowFrames);
    gauge(
        registry,
        "pipeline.results.waiting.frames",
        "Frames in flight whose norm is known and waits to be written",
        stats.resultsWaiting);
  }

  private void bindNorm(MeterRegistry registry) {
    counter(
        registry,
        "pipeline.frames.normed",
        "Frames whose norm was computed, repeats as well",
        stats.framesNormed);
    if (registry instanceof PrometheusMeterRegistry prometheus) {
      Labels labels = Labels.of("stage", stage.label());
      prometheus
          .getPrometheusRegistry()
          .register(
              new HistogramCollector(
                  "pipeline_norm", "Frobenius norms", labels, stats.norms, Buckets.NORM, 1, 1.0));
      prometheus
          .getPrometheusRegistry()
          .register(
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

  private void ledgerCounter(
      MeterRegistry registry,
      String name,
      String description,
      ToDoubleFunction<Ledger.Entry> figure) {
    FunctionCounter.builder(name, this, self -> figure.applyAsDouble(self.ledger))
        .description(description)
        .register(registry);
  }

  private static void counter(
      MeterRegistry registry, String name, String description, AtomicCounter counter) {
    FunctionCounter.builder(name, counter, AtomicCounter::get)
        .description(description)
        .register(registry);
  }

  private static void gauge(
      MeterRegistry registry, String name, String description, AtomicCounter counter) {
    Gauge.builder(name, counter, AtomicCounter::get).description(description).register(registry);
  }
}
