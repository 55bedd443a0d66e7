package io.framepipeline.launcher;

import io.framepipeline.common.service.ExitCode;
import io.framepipeline.common.transport.Stage;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;

/**
 * Keeps a run's processes as they should be: starts them, starts again what dies, and ends them in
 * the order in which frames flow, so that each stage drains into the next. Used by one thread, step
 * by step.
 */
final class Supervisor {
  /** An instance that is to be there: its process, or the time when there will be one again. */
  private static final class Slot {
    final Stage stage;
    Instance instance;
    final RestartDelay restarts = new RestartDelay();
    long restartNanos;
    boolean isFinished;

    Slot(Stage stage) {
      this.stage = stage;
    }
  }

  private final Processes processes;
  private final Console console;
  private final Map<Stage, List<Slot>> slots = new EnumMap<>(Stage.class);
  private final List<Instance> allInstances = new ArrayList<>();
  private final RestartDelay driverRestarts = new RestartDelay();
  private Process driver;
  private long driverStartNanos;
  private long driverRestartNanos;

  /** The stage that is being ended, and those after it are still running; null before. */
  private Stage ending;

  private boolean isDriverEnding;
  private int exitCode = ExitCode.OK;

  Supervisor(Processes processes, Console console) {
    this.processes = processes;
    this.console = console;
  }

  /** Starts everything at once: services wait for the driver, and for each other, by themselves. */
  void start(Map<Stage, Integer> instances) {
    driverStartNanos = System.nanoTime();
    driver = processes.startDriver();
    for (Stage stage : List.of(Stage.NORM, Stage.RECIPROCAL, Stage.READER)) {
      List<Slot> ofStage = new ArrayList<>();
      for (int i = 0; i < instances.get(stage); i++) {
        Slot slot = new Slot(stage);
        start(slot);
        ofStage.add(slot);
      }
      slots.put(stage, ofStage);
    }
  }

  /** Every instance there was, dead ones included. */
  List<Instance> allInstances() {
    return allInstances;
  }

  /** The exit code of a service that ended the run, or {@link ExitCode#OK}. */
  int exitCode() {
    return exitCode;
  }

  /** Looks after the processes once; to be called every few milliseconds. */
  void doWork() {
    long nowNanos = System.nanoTime();
    for (List<Slot> ofStage : slots.values()) {
      for (Slot slot : ofStage) {
        lookAfter(slot, nowNanos);
        slot.instance.newMetricsUrl().ifPresent(url -> tell(slot, url));
      }
    }
    if (!driver.isAlive() && !isDriverEnding) {
      lookAfterDriver(nowNanos);
    }
    if (isFinished(Stage.READER)) {
      endNextStage();
    }
  }

  /** Has the readers stop reading; the rest follows when nothing is in flight any more. */
  void drain() {
    for (Slot slot : slots.get(Stage.READER)) {
      if (slot.instance.process().isAlive()) {
        slot.instance.process().destroy();
      } else {
        slot.isFinished = true;
      }
    }
    if (ending == null) {
      ending = Stage.READER;
    }
  }

  /** Ends everything at once. */
  void kill() {
    isDriverEnding = true;
    for (List<Slot> ofStage : slots.values()) {
      for (Slot slot : ofStage) {
        slot.isFinished = true;
        slot.instance.process().destroyForcibly();
      }
    }
    driver.destroy();
  }

  /** Whether every process has ended that was to. */
  boolean isDone() {
    return isDriverEnding
        && !driver.isAlive()
        && allInstances.stream().noneMatch(instance -> instance.process().isAlive());
  }

  private void lookAfterDriver(long nowNanos) {
    if (driverRestartNanos == 0) {
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

  private void tell(Slot slot, String metricsUrl) {
    console.event(
        "%s %d started, metrics at %s"
            .formatted(slot.stage.label(), slot.instance.process().pid(), metricsUrl));
  }

  private void start(Slot slot) {
    slot.instance = processes.startService(slot.stage);
    slot.restartNanos = 0;
    allInstances.add(slot.instance);
  }

  private void lookAfter(Slot slot, long nowNanos) {
    if (slot.isFinished || slot.instance.process().isAlive()) {
      return;
    }
    int code = slot.instance.process().exitValue();
    if (isMeant(slot, code)) {
      slot.isFinished = true;
      if (isFinal(code)) {
        exitCode = code;
        if (slot.stage != Stage.READER) {
          // Without this stage nothing can arrive any more.
          kill();
        }
      }
    } else if (slot.restartNanos == 0) {
      slot.restartNanos = nowNanos + slot.restarts.nextDelayNanos(slot.instance.uptimeNanos());
      console.event(
          "%s %d died with exit code %d, starting another"
              .formatted(slot.stage.label(), slot.instance.process().pid(), code));
    } else if (nowNanos - slot.restartNanos >= 0) {
      start(slot);
    }
  }

  /** Whether an instance ended for good: its input is finished, or it was told to end. */
  private boolean isMeant(Slot slot, int code) {
    return switch (slot.stage) {
      case READER ->
          isFinal(code) || code == ExitCode.OK || code == ExitCode.LOST || ending != null;
      case RECIPROCAL, NORM ->
          isFinal(code) || (ending != null && ending.compareTo(slot.stage) >= 0);
    };
  }

  /** Whether another try would end the same way. */
  private static boolean isFinal(int code) {
    return code == ExitCode.USAGE || code == ExitCode.PARTIAL_FRAME || code == ExitCode.NO_INPUT;
  }

  private boolean isFinished(Stage stage) {
    return slots.get(stage).stream().allMatch(slot -> slot.isFinished);
  }

  private void endNextStage() {
    if (ending == null) {
      ending = Stage.READER;
    } else if (ending == Stage.READER) {
      end(Stage.RECIPROCAL);
    } else if (ending == Stage.RECIPROCAL && isFinished(Stage.RECIPROCAL)) {
      end(Stage.NORM);
    } else if (ending == Stage.NORM && isFinished(Stage.NORM) && !isDriverEnding) {
      isDriverEnding = true;
      driver.destroy();
    }
  }

  private void end(Stage stage) {
    ending = stage;
    for (Slot slot : slots.get(stage)) {
      slot.instance.process().destroy();
    }
  }
}
