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
  /** 1 while the driver is connected and the next stage is present. */
  READY,
  /**
   * 1 once the instance has ended in order, whatever its exit code. It stays 0 if the instance is
   * killed.
   */
  ENDED,
  /** The port of the metrics server. */
  METRICS_PORT,
  LAST_PROGRESS_EPOCH_MILLIS(
      Type.GAUGE,
      stage -> true,
      "pipeline.last.progress.timestamp",
      "Unix time when a frame or an answer last got further",
      "seconds",
      1e-3),
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

  Figure() {
    this(Type.INTERNAL, stage -> false, null, null);
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
    this.type = type;
    this.stages = stages;
    this.metric = metric;
    this.description = description;
    this.unit = unit;
    this.scale = scale;
  }

  boolean isShownBy(Stage stage) {
    return stages.test(stage);
  }
}
