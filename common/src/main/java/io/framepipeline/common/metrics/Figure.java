package io.framepipeline.common.metrics;

import io.framepipeline.common.topology.Stage;
import java.util.function.Predicate;

/**
 * The figures of an instance that are one number each: where they are in {@link StageStats}, and
 * how Prometheus sees those that have a metric. Each figure has one writing thread.
 */
public enum Figure {
  /** {@link System#nanoTime} of the last duty cycle. */
  DUTY_CYCLE_NANOS,
  /** {@link System#nanoTime} when a reader read its first frame; 0 before. */
  FIRST_READ_NANOS,
  /** {@link System#nanoTime} when a reader last completed a frame; 0 before. */
  LAST_COMPLETED_NANOS,
  /** 1 while frames can come and go: the next stage is present, the own inbox is open. */
  READY,
  /**
   * 1 once the instance has ended in order, whatever its exit code. It stays 0 if the instance is
   * killed.
   */
  ENDED,
  /** 1 once the instance was told to stop. */
  STOPPING,
  /** The process id, as the instance sees it; 1 in a container. */
  PID,
  /** Unix time when the process made its figures. */
  START_EPOCH_MILLIS,
  /**
   * How many instances died whose place this one took, but for those that {@link #GENERATION}
   * counts.
   */
  RESTARTS,
  /** The CPU time that the process has used. */
  CPU_NANOS,
  /** 1 if what a reader has in flight at its death is read again, by another one, from Kafka. */
  IS_REREAD,
  /**
   * The number of a reader, plus one: 0 until it has a ledger of its own. A reader that takes over
   * from a dead one has that one's number and goes on with its ledger. This is stored after ledger
   * and {@link #GENERATION}, so it is what switches over.
   */
  READER,
  /** How many readers had this one's number before. */
  GENERATION,
  /** The port of the metrics server. */
  METRICS_PORT,
  LAST_PROGRESS_EPOCH_MILLIS(
      Type.GAUGE,
      stage -> true,
      "pipeline.last.progress.timestamp",
      "Unix time when a frame or an answer last got further",
      "seconds",
      1e-3),
  BUSY_NANOS("busy"),
  IDLE_NANOS("idle"),
  HELD_BACK_NANOS("held_back"),
  INBOX_FRAMES(
      Type.GAUGE,
      stage -> !stage.isFirst(),
      "pipeline.inbox.frames",
      "Frames that wait in the instance's inbox"),
  FRAMES_DUPLICATE(
      Type.COUNTER,
      Stage::isFirst,
      "pipeline.frames.duplicate",
      "Answers for frames that were done already"),
  FRAMES_PADDED(
      Type.COUNTER,
      Stage::isFirst,
      "pipeline.frames.padded",
      "Last frames filled up with zero bytes"),
  WINDOW_FRAMES(
      Type.GAUGE,
      Stage::isFirst,
      "pipeline.window.frames",
      "Frames that can be in flight without their norm"),
  RESULTS_WAITING_FRAMES(
      Type.GAUGE,
      Stage::isFirst,
      "pipeline.results.waiting.frames",
      "Frames in flight whose norm is known and waits to be written"),
  SOURCE_PARTITIONS(
      Type.GAUGE,
      Stage::isFirst,
      "pipeline.source.partitions",
      "Partitions of a Kafka source that the reader owns"),
  SOURCE_LAG_RECORDS(
      Type.GAUGE,
      Stage::isFirst,
      "pipeline.source.lag.records",
      "Records of these partitions that the reader has yet to fetch"),
  RECORDS_REJECTED(
      Type.COUNTER,
      Stage::isFirst,
      "pipeline.records.rejected",
      "Records of a Kafka source that hold no whole frames"),
  FRAMES_TRANSFORMED(
      Type.COUNTER,
      stage -> !stage.isFirst() && !stage.isLast(),
      "pipeline.frames.transformed",
      "Frames whose payload was turned into the next stage's"),
  FRAMES_NORMED(
      Type.COUNTER,
      Stage::isLast,
      "pipeline.frames.normed",
      "Frames whose norm was computed, repeats as well"),
  BACKPRESSURE(
      Type.COUNTER,
      stage -> !stage.isLast(),
      "pipeline.backpressure",
      "Times that every inbox of the next stage was full"),
  DOWNSTREAM_INSTANCES(
      Type.GAUGE,
      stage -> !stage.isLast(),
      "pipeline.downstream.instances",
      "Inboxes of the next stage that are connected");

  /** How Prometheus sees a figure. */
  enum Type {
    /** Not at all: other processes of this project read the figure. */
    INTERNAL,
    COUNTER,
    GAUGE
  }

  final Type type;

  @SuppressWarnings("ImmutableEnumChecker") // they capture nothing
  private final Predicate<Stage> stages;

  final String metric;
  final String description;
  final String unit;
  final double scale;

  /** The value of the metric's label {@code state}; null if it has no such label. */
  final String state;

  Figure() {
    this(Type.INTERNAL, stage -> false, null, null);
  }

  /** The time that a duty cycle has spent in a state, in nanoseconds. */
  Figure(String state) {
    this(
        Type.COUNTER,
        stage -> true,
        "pipeline.duty.cycle",
        "Time of the duty cycle: with work, without, or with work that finds no room further on",
        "seconds",
        1e-9,
        state);
  }

  Figure(Type type, Predicate<Stage> stages, String metric, String description) {
    this(type, stages, metric, description, null, 1);
  }

  /**
   * @param stages which stages have the metric
   * @param metric its name in Micrometer's notation; null if there is none
   * @param unit of the metric; null if it counts things
   * @param scale the factor that turns the figure into that unit
   */
  Figure(
      Type type,
      Predicate<Stage> stages,
      String metric,
      String description,
      String unit,
      double scale) {
    this(type, stages, metric, description, unit, scale, null);
  }

  private Figure(
      Type type,
      Predicate<Stage> stages,
      String metric,
      String description,
      String unit,
      double scale,
      String state) {
    this.type = type;
    this.stages = stages;
    this.metric = metric;
    this.description = description;
    this.unit = unit;
    this.scale = scale;
    this.state = state;
  }

  boolean isShownBy(Stage stage) {
    return stages.test(stage);
  }
}
