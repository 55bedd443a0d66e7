package io.framepipeline.launcher;

import com.fasterxml.jackson.annotation.JsonUnwrapped;
import io.framepipeline.common.topology.Stage;
import io.framepipeline.common.wire.Frames;
import io.framepipeline.console.PipelineState.LedgerState;
import io.framepipeline.console.PipelineText;
import io.framepipeline.console.Totals;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/**
 * The result of a run; the names are the keys of the JSON report.
 *
 * @param ledger its keys are those of the report itself
 * @param seconds from the first frame read to the last frame completed
 * @param framesPerSecond acknowledged frames divided by {@code seconds}
 */
record Report(
    @JsonUnwrapped LedgerState ledger,
    long bytesRead,
    double seconds,
    double framesPerSecond,
    double normMin,
    double normMean,
    double normMax,
    LatencyMicros latencyMicros,
    Map<String, Integer> instances) {

  record LatencyMicros(double p50, double p99, double p999, double max) {}

  private static final double NANOS_PER_MICRO = TimeUnit.MICROSECONDS.toNanos(1);
  private static final double NANOS_PER_SECOND = TimeUnit.SECONDS.toNanos(1);

  static Report of(Totals totals, Map<Stage, Integer> instances) {
    LedgerState ledger = LedgerState.of(totals);
    double seconds =
        totals.lastCompletedNanos() == 0
            ? 0
            : (totals.lastCompletedNanos() - totals.firstReadNanos()) / NANOS_PER_SECOND;
    return new Report(
        ledger,
        ledger.framesRead() * Frames.BYTE_PAYLOAD_LENGTH,
        seconds,
        seconds > 0 ? ledger.framesAcknowledged() / seconds : 0,
        totals.norms().min(),
        totals.norms().mean(),
        totals.norms().max(),
        new LatencyMicros(
            totals.latencyNanos().quantile(0.5) / NANOS_PER_MICRO,
            totals.latencyNanos().quantile(0.99) / NANOS_PER_MICRO,
            totals.latencyNanos().quantile(0.999) / NANOS_PER_MICRO,
            totals.latencyNanos().max() / NANOS_PER_MICRO),
        byLabel(instances));
  }

  private static Map<String, Integer> byLabel(Map<Stage, Integer> instances) {
    Map<String, Integer> byLabel = new LinkedHashMap<>();
    Stage.ALL.forEach(stage -> byLabel.put(stage.label(), instances.get(stage)));
    return byLabel;
  }

  /** Whether every frame that was read is completed, or went back to Kafka. */
  boolean isComplete() {
    return ledger.framesAcknowledged() + ledger.framesReturned() == ledger.framesRead();
  }

  /** The ledger and related figures, for people. */
  @Override
  public String toString() {
    return String.format(
        Locale.ROOT,
        """
        %s
                %,.1f MB in %.2f s: %,.0f frames/s, %,.1f MB/s
                norm min %.4f mean %.4f max %.4f
                latency p50 %s p99 %s p99.9 %s max %s\
        """,
        ledger,
        bytesRead / 1e6,
        seconds,
        framesPerSecond,
        seconds > 0 ? bytesRead / 1e6 / seconds : 0,
        normMin,
        normMean,
        normMax,
        PipelineText.duration(latencyMicros.p50),
        PipelineText.duration(latencyMicros.p99),
        PipelineText.duration(latencyMicros.p999),
        PipelineText.duration(latencyMicros.max));
  }
}
