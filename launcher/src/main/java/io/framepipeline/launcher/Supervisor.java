package io.framepipeline.launcher;

import io.framepipeline.common.service.ExitCode;
import io.framepipeline.common.service.ExitException;
import io.framepipeline.common.transport.Stage;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;

/**
 * Keeps a run's processes as they should be: starts them, starts again what dies, scales stages,
 * and ends them in the order in which frames flow, so that each stage drains into the next. Used by
 * one thread, step by step.
 */
final class Supervisor {
  private final Processes processes;
  private final Console console;
  private final Map<Stage, StageInstances> stages = new EnumMap<>(Stage.class);
  private final Map<Stage, Integer> asked = new EnumMap<>(Stage.class);
  private final List<Instance> allInstances = new ArrayList<>();
  private final RestartDelay driverRestarts = new RestartDelay();
  private Process driver;
  private long driverStartNanos;
  private long driverRestartNanos;

  /** The stage that is being ended, and those after it are still running; null before. */
  private Stage ending;

  private boolean isDriverEnding;

  Supervisor(Processes processes, Console console) {
    this.processes = processes;
    this.console = console;
    for (Stage stage : Stage.values()) {
      stages.put(stage, new StageInstances(stage, () -> startInstance(stage), console));
    }
  }

  /** Starts everything at once: services wait for the driver, and for each other, by themselves. */
  void start(Map<Stage, Integer> instances) {
    driverStartNanos = System.nanoTime();
    driver = processes.startDriver();
    asked.putAll(instances);
    for (Stage stage : List.of(Stage.NORM, Stage.RECIPROCAL, Stage.READER)) {
      stages.get(stage).resize(instances.get(stage));
    }
  }

  /**
   * Has stages grow or shrink to so many instances; those left out stay as they are.
   *
   * @throws ExitException if the run is ending
   */
  void scale(Map<Stage, Integer> instances) {
    if (ending != null) {
      throw new ExitException(ExitCode.USAGE, "the run is ending; start another to scale it");
    }
    instances.forEach(
        (stage, count) -> {
          console.event(
              "scaling %s from %d to %d".formatted(stage.label(), asked.put(stage, count), count));
          stages.get(stage).resize(count);
        });
  }

  /** How many instances of each stage were asked for last. */
  Map<Stage, Integer> asked() {
    return asked;
  }

  /** Every instance there was, dead ones included. */
  List<Instance> allInstances() {
    return allInstances;
  }

  /** The instances whose processes are there, leaving ones included, in the order of stages. */
  List<Instance> runningInstances() {
    return stages.values().stream().flatMap(StageInstances::running).toList();
  }

  Map<Stage, StageStatus> stageStatus() {
    Map<Stage, StageStatus> status = new EnumMap<>(Stage.class);
    stages.forEach((stage, instances) -> status.put(stage, instances.status()));
    return status;
  }

  long driverPid() {
    return driver.pid();
  }

  /** The exit code of a service that another try would not change, or {@link ExitCode#OK}. */
  int exitCode() {
    return stages.values().stream()
        .mapToInt(StageInstances::exitCode)
        .filter(code -> code != ExitCode.OK)
        .findFirst()
        .orElse(ExitCode.OK);
  }

  /** Looks after the processes once; to be called every few milliseconds. */
  void doWork() {
    long nowNanos = System.nanoTime();
    stages.values().forEach(instances -> instances.doWork(nowNanos));
    if (!driver.isAlive() && !isDriverEnding) {
      lookAfterDriver(nowNanos);
    }
    if (isBroken()) {
      kill();
    } else if (ending != null) {
      endNextStage();
    } else if (stages.get(Stage.READER).isEmpty()) {
      end(Stage.READER);
    }
  }

  /** Has the readers stop reading; the rest follows when nothing is in flight any more. */
  void drain() {
    if (ending == null) {
      end(Stage.READER);
    }
  }

  /** Ends everything at once. */
  void kill() {
    if (isDriverEnding) {
      return;
    }
    ending = Stage.NORM;
    isDriverEnding = true;
    stages.values().forEach(StageInstances::forget);
    allInstances.forEach(instance -> instance.process().destroyForcibly());
    driver.destroy();
  }

  /** Whether every process has ended that was to. */
  boolean isDone() {
    return isDriverEnding
        && !driver.isAlive()
        && allInstances.stream().noneMatch(instance -> instance.process().isAlive());
  }

  /** Whether a stage is gone that was not told to end, so that nothing can arrive any more. */
  private boolean isBroken() {
    Stage ended = ending == null ? Stage.READER : ending;
    return stages.entrySet().stream()
        .anyMatch(entry -> entry.getKey().compareTo(ended) > 0 && entry.getValue().isEmpty());
  }

  private Instance startInstance(Stage stage) {
    boolean isJoining =
        allInstances.stream().anyMatch(other -> other.stage() == stage && other.isReady());
    Instance instance = processes.startService(stage, isJoining, asked.get(Stage.READER));
    allInstances.add(instance);
    return instance;
  }

  private void lookAfterDriver(long nowNanos) {
    if (driverRestartNanos == 0 && driver.exitValue() == ExitCode.OK) {
      driverRestartNanos = nowNanos + StageInstances.ORDERLY_END_NANOS;
    } else if (driverRestartNanos == 0) {
      driverRestartNanos = nowNanos + driverRestarts.nextDelayNanos(nowNanos - driverStartNanos);
      console.event(
          "media driver %d died with exit code %d, starting another"
              .formatted(driver.pid(), driver.exitValue()));
    } else if (nowNanos - driverRestartNanos >= 0) {
      driverRestartNanos = 0;
      driverStartNanos = nowNanos;
      driver = processes.startDriver();
    }
  }

  private void endNextStage() {
    if (!stages.get(ending).isEmpty()) {
      return;
    }
    switch (ending) {
      case READER -> end(Stage.RECIPROCAL);
      case RECIPROCAL -> end(Stage.NORM);
      case NORM -> endDriver();
    }
  }

  private void end(Stage stage) {
    ending = stage;
    stages.get(stage).resize(0);
  }

  private void endDriver() {
    if (!isDriverEnding) {
      isDriverEnding = true;
      driver.destroy();
    }
  }
}
