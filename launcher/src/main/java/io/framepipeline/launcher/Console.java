package io.framepipeline.launcher;

import io.framepipeline.common.metrics.Histogram;
import io.framepipeline.common.wire.Frames;
import io.framepipeline.console.PipelineText;
import io.framepipeline.console.Totals;
import java.io.PrintStream;
import java.util.Locale;
import java.util.concurrent.TimeUnit;

/** What a person sees of a run, on standard error: one line each second, and one for each event. */
final class Console {
  private static final double NANOS_PER_SECOND = TimeUnit.SECONDS.toNanos(1);

  private final PrintStream out;
  private final long startNanos = System.nanoTime();

  Console(PrintStream out) {
    this.out = out;
  }

  /** Prints a line about an event. */
  void event(String line) {
    out.printf(Locale.ROOT, "%5.0fs  %s%n", secondsSinceStart(), line);
  }

  /** Prints a line about what happened between two moments. */
  void progress(Totals before, Totals now) {
    double seconds = (now.nanos() - before.nanos()) / NANOS_PER_SECOND;
    double readPerSecond = (now.ledger().framesRead() - before.ledger().framesRead()) / seconds;
    Histogram.Snapshot latency = now.latencyNanos().minus(before.latencyNanos());
    Histogram.Snapshot norms = now.norms().minus(before.norms());
    event(
        String.format(
            Locale.ROOT,
            "read %,.0f/s  normed %,.0f/s  %,.1f MB/s  in flight %,d  redelivered %,d  duplicates %,d  latency p50 %s p99 %s  mean norm %.4f",
            readPerSecond,
            (now.framesNormed() - before.framesNormed()) / seconds,
            readPerSecond * Frames.BYTE_PAYLOAD_LENGTH / 1e6,
            now.ledger().framesInFlight(),
            now.ledger().framesRedelivered(),
            now.framesDuplicate(),
            PipelineText.duration(latency.quantile(0.5) / 1e3),
            PipelineText.duration(latency.quantile(0.99) / 1e3),
            norms.mean()));
  }

  /** Prints text as it is, without the time. */
  void print(Object text) {
    out.println(text);
  }

  private double secondsSinceStart() {
    return (System.nanoTime() - startNanos) / NANOS_PER_SECOND;
  }
}
