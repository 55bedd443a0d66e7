package io.framepipeline.console;

import io.framepipeline.console.PipelineState.InstanceState;
import io.framepipeline.console.PipelineState.Point;
import io.framepipeline.console.PipelineState.SourceState;
import io.framepipeline.console.PipelineState.StageState;
import java.util.Locale;

/** The live view as lines of text, in the order in which frames flow. */
public final class PipelineText {
  private PipelineText() {}

  /** The lines, each of at most about a hundred characters. */
  public static String of(PipelineState state) {
    StringBuilder text = new StringBuilder();
    text.append(
        state.driver().alive()
            ? "media driver: pid %s in %s%n".formatted(state.driver().pid(), state.title())
            : "media driver: none in %s%n".formatted(state.title()));
    state.stages().forEach(stage -> append(text, stage));
    text.append(state.ledger()).append(System.lineSeparator());
    state.orphans().forEach(orphan -> text.append(orphan).append(System.lineSeparator()));
    Point point = state.point();
    if (point.epochMillis() != 0) {
      text.append(
          String.format(
              Locale.ROOT,
              "%,.0f frames/s acknowledged, latency p50 %s p99 %s, in flight %,d of %,d%n",
              point.framesPerSecond(),
              duration(point.p50Micros()),
              duration(point.p99Micros()),
              point.framesInFlight(),
              point.windowFrames()));
    }
    return text.toString();
  }

  private static void append(StringBuilder text, StageState stage) {
    text.append(
        String.format(
            Locale.ROOT, "%-30s %,12.0f frames/s", stage.stage(), stage.framesPerSecond()));
    text.append(
        stage.inputLength() == 0
            ? ""
            : String.format(Locale.ROOT, "  waiting %,d", stage.waitingFrames()));
    SourceState source = stage.source();
    text.append(
        source == null
            ? ""
            : String.format(
                Locale.ROOT,
                "  partitions %,d  lag %,d records",
                source.partitions(),
                source.lagRecords()));
    text.append(System.lineSeparator());
    for (InstanceState instance : stage.instances()) {
      text.append(
          String.format(
              Locale.ROOT,
              "  %-20s %-8s %,11.0f  pid %-7d %4.2f cores  busy %3.0f %%  idle %3.0f %%  held back"
                  + " %3.0f %%%s%n",
              instance.name(),
              instance.state(),
              instance.framesPerSecond(),
              instance.pid(),
              instance.cores(),
              100 * instance.busy(),
              100 * instance.idle(),
              100 * instance.heldBack(),
              instance.restarts() == 0 ? "" : "  restarts " + instance.restarts()));
    }
  }

  /** A time in microseconds, in the unit that reads best. */
  public static String duration(Double micros) {
    if (micros == null) {
      return "-";
    }
    if (micros < 1e3) {
      return String.format(Locale.ROOT, "%.0f us", micros);
    }
    return micros < 1e6
        ? String.format(Locale.ROOT, "%.1f ms", micros / 1e3)
        : String.format(Locale.ROOT, "%.2f s", micros / 1e6);
  }
}
