package io.framepipeline.launcher;

import io.framepipeline.common.config.ExitCode;
import io.framepipeline.common.config.ExitException;
import io.framepipeline.common.topology.Stage;
import java.io.IOException;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;

/**
 * Keeps a run's processes as they should be: starts them, starts again what dies, scales stages,
 * and ends them in the order in which frames flow, so that each stage drains into the next. Used by
 * one thread, step by step.
 */
final class Supervisor {
  private static final long DRIVER_LOOK_NANOS = TimeUnit.MILLISECONDS.toNanos(500);

  private final Processes processes;
  private final Console console;
  private final Map<Stage, StageInstances> stages = new EnumMap<>(Stage.class);
  private final Map<Stage, Integer> asked = new EnumMap<>(Stage.class);
  private final List<Instance> allInstances = new ArrayList<>();
  private final Restarts driverRestarts = new Restarts();

  /** The last one; null if none could be started yet. */
  private Process driver;

  private DriverFiles driverFiles;
  private boolean wereDriverFilesGone;
  private long driverStartNanos;
  private long driverLookNanos;
  private boolean hasDriverBegun;
  private int driverExitCode = ExitCode.OK;

  /** The stage that is being ended, and those after it are still running; null before. */
  private Stage ending;

  private boolean isDriverEnding;

  Supervisor(Processes processes, Console console) {
    this.processes = processes;
    this.console = console;
    for (Stage stage : Stage.ALL) {
      stages.put(stage, new StageInstances(stage, () -> startInstance(stage), console));
    }
  }

  /** Starts everything at once: services wait for the driver, and for each other, by themselves. */
  void start(Map<Stage, Integer> instances) {
    startDriver(System.nanoTime());
    asked.putAll(instances);
    for (Stage stage : Stage.ALL.reversed()) {
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
              "scaling %s from %s to %s".formatted(stage.label(), asked.put(stage, count), count));
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

  /** The media driver's process id; 0 if it could not be started yet. */
  long driverPid() {
    return driver == null ? 0 : driver.pid();
  }

  /** The exit code of a process that another try would not change, or {@link ExitCode#OK}. */
  int exitCode() {
    return IntStream.concat(
            IntStream.of(driverExitCode),
            stages.values().stream().mapToInt(StageInstances::exitCode))
        .filter(code -> code != ExitCode.OK)
        .findFirst()
        .orElse(ExitCode.OK);
  }

  /** Looks after the processes once; to be called every few milliseconds. */
  void doWork() {
    long nowNanos = System.nanoTime();
    for (StageInstances instances : stages.values()) {
      // What none of one stage can begin with, those of the others cannot either: one says so.
      if (exitCode() != ExitCode.START) {
        instances.doWork(nowNanos);
      }
    }
    if (!isDriverEnding) {
      lookAfterDriver(nowNanos);
    }
    if (isBroken()) {
      kill();
    } else if (ending != null) {
      endNextStage();
    } else if (stages.get(Stage.first()).isEmpty()) {
      end(Stage.first());
    }
  }

  /** Has the readers stop reading; the rest follows when nothing is in flight any more. */
  void drain() {
    if (ending == null) {
      end(Stage.first());
    }
  }

  /** Ends everything at once. */
  void kill() {
    if (isDriverEnding) {
      return;
    }
    ending = Stage.last();
    stages.values().forEach(StageInstances::forget);
    allInstances.forEach(instance -> instance.process().destroyForcibly());
    endDriver();
  }

  /** The same where there is nothing left for the driver to clear away, or to wait for. */
  void killDriverToo() {
    kill();
    if (isDriverAlive()) {
      driver.destroyForcibly();
    }
  }

  /** Whether every process has ended that was to. */
  boolean isDone() {
    return isDriverEnding
        && !isDriverAlive()
        && allInstances.stream().noneMatch(instance -> instance.process().isAlive());
  }

  /**
   * Whether nothing can arrive any more: there is no driver, or a stage is gone that was not told
   * to end; or nothing has begun, for want of a process.
   */
  private boolean isBroken() {
    if (driverExitCode != ExitCode.OK || exitCode() == ExitCode.START) {
      return true;
    }
    Stage ended = ending == null ? Stage.first() : ending;
    return stages.entrySet().stream()
        .anyMatch(entry -> entry.getKey().compareTo(ended) > 0 && entry.getValue().isEmpty());
  }

  private Instance startInstance(Stage stage) throws IOException {
    Instance instance = processes.startService(stage, asked.get(Stage.first()));
    allInstances.add(instance);
    return instance;
  }

  private void lookAfterDriver(long nowNanos) {
    if (driverRestarts.isWaiting()) {
      if (driverRestarts.isDue(nowNanos)) {
        startDriver(nowNanos);
      }
    } else if (!driver.isAlive()) {
      onDriverEnd(driver.exitValue(), nowNanos);
    } else if (nowNanos - driverLookNanos >= DRIVER_LOOK_NANOS) {
      driverLookNanos = nowNanos;
      hasDriverBegun = hasDriverBegun || allInstances.stream().anyMatch(Instance::isReady);
      killDriverWithoutFiles();
    }
  }

  /**
   * Nobody finds it any more; the next one makes new files. One that is ending has deleted them
   * itself, and is not there at the next look.
   */
  private void killDriverWithoutFiles() {
    boolean areFilesGone = driverFiles.areGone();
    if (areFilesGone && wereDriverFilesGone) {
      console.event("media driver %s: its files were deleted".formatted(driver.pid()));
      driver.destroyForcibly();
    }
    wereDriverFilesGone = areFilesGone;
  }

  private void onDriverEnd(int code, long nowNanos) {
    // What it says of its settings or of memory may be otherwise the next time, once it has run.
    if (!hasDriverBegun && Restarts.isFinal(code)) {
      driverExitCode = code;
      return;
    }
    if (hasDriverBegun && code == ExitCode.OK) {
      driverRestarts.againAfterOrderlyEnd(nowNanos);
      return;
    }
    boolean isFruitless = !hasDriverBegun && Restarts.isByItself(code);
    if (!driverRestarts.again(nowNanos, nowNanos - driverStartNanos, isFruitless)) {
      giveDriverUp("ended with exit code " + code);
    } else if (!isFruitless) {
      console.event(
          "media driver %s died with exit code %s, starting another".formatted(driver.pid(), code));
    }
  }

  private void startDriver(long nowNanos) {
    driverStartNanos = nowNanos;
    try {
      driver = processes.startDriver();
      wereDriverFilesGone = false;
      driverFiles = new DriverFiles(processes.aeronDirectory(), driver.pid());
      driverRestarts.onStart();
    } catch (IOException e) {
      if (!driverRestarts.again(nowNanos, 0, !hasDriverBegun)) {
        giveDriverUp(e.getMessage());
      } else if (hasDriverBegun) {
        console.event("no process for a media driver now: " + e.getMessage());
      }
    }
  }

  private void giveDriverUp(String why) {
    driverExitCode = ExitCode.START;
    console.event(Restarts.fruitless("media driver", why));
  }

  private boolean isDriverAlive() {
    return driver != null && driver.isAlive();
  }

  private void endNextStage() {
    if (!stages.get(ending).isEmpty()) {
      return;
    }
    if (ending.isLast()) {
      endDriver();
    } else {
      end(ending.next());
    }
  }

  private void end(Stage stage) {
    ending = stage;
    stages.get(stage).resize(0);
  }

  private void endDriver() {
    isDriverEnding = true;
    if (isDriverAlive()) {
      driver.destroy();
    }
  }
}
