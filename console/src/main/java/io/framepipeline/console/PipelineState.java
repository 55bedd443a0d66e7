package io.framepipeline.console;

import io.framepipeline.common.metrics.Figure;
import io.framepipeline.common.metrics.FiguresView;
import io.framepipeline.common.metrics.InstanceFigures;
import io.framepipeline.common.metrics.Ledger;
import java.util.List;
import java.util.Locale;

/**
 * What the live view shows of one moment. The names are the keys of {@code /state.json}.
 *
 * @param title where the pipeline is
 * @param orphans dead readers from which none has taken over yet
 * @param windowFrames that the readers may have in flight together
 * @param point the newest point of the history; zeros in the first second
 * @param events the newest ones, in their order
 */
public record PipelineState(
    long epochMillis,
    String title,
    Driver driver,
    List<StageState> stages,
    LedgerState ledger,
    List<OrphanState> orphans,
    long windowFrames,
    NormsState norms,
    Point point,
    List<Event> events) {

  /**
   * The media driver.
   *
   * @param pid as the driver sees it; 0 if there is none
   */
  public record Driver(boolean alive, long pid) {}

  /**
   * A stage.
   *
   * @param inputLength bytes of a payload that the stage takes; 0 for the first
   * @param outputLength bytes of a payload that the stage sends; 0 for the last
   * @param waitingFrames in the inboxes of the stage
   * @param source of all its instances; null if none of them reads from Kafka
   */
  public record StageState(
      String stage,
      int inputLength,
      int outputLength,
      double framesPerSecond,
      long waitingFrames,
      SourceState source,
      List<InstanceState> instances) {}

  /**
   * An instance. Rates and shares are those of the last second.
   *
   * @param state starting, running, leaving, ended or dead
   * @param frames that it has read, transformed or normed, depending on its stage
   * @param cores CPU time per time
   * @param busy share of the duty cycle's time
   * @param idle share of the duty cycle's time
   * @param heldBack share of the duty cycle's time
   * @param source null unless the instance lives and reads from Kafka
   * @param restarts how many instances died whose place this one took
   */
  public record InstanceState(
      String name,
      long pid,
      String state,
      double uptimeSeconds,
      long frames,
      double framesPerSecond,
      double cores,
      double busy,
      double idle,
      double heldBack,
      long waitingFrames,
      SourceState source,
      long restarts) {}

  /**
   * The part of a Kafka source that belongs to a reader, or to several.
   *
   * @param lagRecords of these partitions, yet to be fetched
   */
  public record SourceState(long partitions, long lagRecords) {
    /** The part of an instance; null unless it lives and reads from Kafka. */
    public static SourceState of(InstanceFigures instance) {
      // Only what comes from Kafka is read again, and a reader says so before it has a partition.
      return instance.isAlive() && instance.stats().counter(Figure.IS_REREAD).get() == 1
          ? new SourceState(
              instance.stats().counter(Figure.SOURCE_PARTITIONS).get(),
              instance.stats().counter(Figure.SOURCE_LAG_RECORDS).get())
          : null;
    }

    SourceState plus(SourceState other) {
      return new SourceState(partitions + other.partitions, lagRecords + other.lagRecords);
    }
  }

  /**
   * The ledger of all readers, and what the last stage counted.
   *
   * @param framesReturned that went back to Kafka, for another reader to compute
   * @param framesLost read, but in none of the terms above: computed, not assumed
   * @param framesNormed by all norm instances; may count a redelivered frame twice
   * @param framesDuplicate answers for frames that were done already
   */
  public record LedgerState(
      long framesRead,
      long framesAcknowledged,
      long framesInFlight,
      long framesAbandoned,
      long framesReturned,
      long framesLost,
      long framesRedelivered,
      long framesNormed,
      long framesDuplicate) {
    /** The ledger of a moment. */
    public static LedgerState of(Totals totals) {
      Ledger.Entry ledger = totals.ledger();
      return new LedgerState(
          ledger.framesRead(),
          ledger.framesAcknowledged(),
          ledger.framesInFlight(),
          ledger.framesAbandoned(),
          ledger.framesReturned(),
          ledger.framesLost(),
          ledger.framesRedelivered(),
          totals.framesNormed(),
          totals.framesDuplicate());
    }

    /** Two lines for people, without the last line's end. */
    @Override
    public String toString() {
      return String.format(
          Locale.ROOT,
          """
          ledger: read %,d = acknowledged %,d + in flight %,d + abandoned %,d%s; lost %,d
                  redelivered %,d, normed %,d, duplicates dropped %,d\
          """,
          framesRead,
          framesAcknowledged,
          framesInFlight,
          framesAbandoned,
          framesReturned == 0 ? "" : String.format(Locale.ROOT, " + returned %,d", framesReturned),
          framesLost,
          framesRedelivered,
          framesNormed,
          framesDuplicate);
    }
  }

  /**
   * A reader that died, and from which none has taken over yet.
   *
   * @param framesInFlight that show as lost until then
   */
  public record OrphanState(long reader, long framesInFlight) {
    /** Those that are seen now. */
    public static List<OrphanState> of(FiguresView view) {
      return view.orphans().stream()
          .map(one -> new OrphanState(one.reader(), one.stats().ledger.read().framesInFlight()))
          .toList();
    }

    /** A line for people, without its end. */
    @Override
    public String toString() {
      return String.format(
          Locale.ROOT,
          "reader %d died with %,d frames in flight; a reader with the same settings takes them over",
          reader,
          framesInFlight);
    }
  }

  /**
   * The histogram of all norms.
   *
   * @param counts one more than there are bounds
   */
  public record NormsState(
      List<Double> upperBounds, List<Long> counts, double min, double mean, double max) {}

  /**
   * One second.
   *
   * @param framesPerSecond acknowledged
   * @param p50Micros from a frame's origin to its norm; null if no norm was computed
   * @param p99Micros likewise
   */
  public record Point(
      long epochMillis,
      double framesPerSecond,
      Double p50Micros,
      Double p99Micros,
      long framesInFlight,
      long windowFrames) {}

  /**
   * What happened.
   *
   * @param id ascends
   * @param kind start, end, death, scaling or driver
   */
  public record Event(long id, long epochMillis, String kind, String text) {}
}
