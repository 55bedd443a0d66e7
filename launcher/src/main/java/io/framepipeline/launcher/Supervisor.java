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
 * Keeps a run's processes going: starts them, replaces dead ones, and scales stages. Ends them in
 * the order in which frames flow, so that each stage drains into the next. Used by one thread, step
 * by step.
 */
final class Supervisor {
  private static final long DRIVER_LOOK_NANOS = TimeUnit.MILLISECONDS.toNanos(500);

  private final Processes processes;
  private final Console console;
  private final Map<Stage, StageInstances> stages = new EnumMap<>(Stage.class);
  private final Map<Stage, Integer> asked = new EnumMap<>(Stage.class);

  /** Those with a living process, and some that have ended. */
  private final List<Instance> instances = new ArrayList<>();

  private final Restarts driverRestarts = new Restarts();

  /** The last driver; null if none could be started yet. */
  private Process driver;

  private DriverFiles driverFiles;
  private boolean wereDriverFilesGone;
  private long driverStartNanos;
  private long driverLookNanos;
  private boolean hasDriverBegun;
  private int driverExitCode = ExitCode.OK;

  /** The stage that is being ended, while the stages after it still run; null before the end. */
  private Stage ending;

  private boolean isDriverEnding;
  private long firstReadNanos;

  Supervisor(Processes processes, Console console) {
    this.processes = processes;
    this.console = console;
    for (Stage stage : Stage.ALL) {
      stages.put(
          stage, new StageInstances(stage, isJoining -> startInstance(stage, isJoining), console));
    }
  }

  /** Starts everything at once. Services wait for the driver, and for each other, by themselves. */
  void start(Map<Stage, Integer> counts) {
    startDriver(System.nanoTime());
    asked.putAll(counts);
    for (Stage stage : Stage.ALL.reversed()) {
      stages.get(stage).resize(counts.get(stage));
    }
  }

  /**
   * Grows or shrinks the given stages to this many instances. Other stages stay as they are.
   *
   * @throws ExitException if the run is ending
   */
  void scale(Map<Stage, Integer> counts) {
    if (ending != null) {
      throw new ExitException(ExitCode.USAGE, "the run is ending; start another to scale it");
    }
    counts.forEach(
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

  /** How many instances of each stage are wanted now. */
  Map<Stage, Integer> wanted() {
    Map<Stage, Integer> wanted = new EnumMap<>(Stage.class);
    stages.forEach((stage, ofStage) -> wanted.put(stage, ofStage.wanted()));
    return wanted;
  }

  /** When the first frame was read; 0 if none was. */
  long firstReadNanos() {
    if (firstReadNanos == 0) {
      firstReadNanos =
          instances.stream()
              .mapToLong(Instance::firstReadNanos)
              .filter(nanos -> nanos != 0)
              .min()
              .orElse(0);
    }
    return firstReadNanos;
  }

  /** The exit code of a process that would end the same way again, or {@link ExitCode#OK}. */
  int exitCode() {
    return IntStream.concat(
            IntStream.of(driverExitCode),
            stages.values().stream().mapToInt(StageInstances::exitCode))
        .filter(code -> code != ExitCode.OK)
        .findFirst()
        .orElse(ExitCode.OK);
  }

  /** Checks the processes once. Call it every few milliseconds. */
  void doWork() {
    long nowNanos = System.nanoTime();
    for (StageInstances ofStage : stages.values()) {
      // If no instance of one stage can start, those of other stages cannot either. One message is
      // enough.
      if (exitCode() != ExitCode.START) {
        ofStage.doWork(nowNanos);
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

  /** Stops the readers. The other stages end when nothing is in flight any more. */
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
    instances.forEach(instance -> instance.process().destroyForcibly());
    endDriver();
  }

  /**
   * Like {@link #kill}, but kills the driver, too: it has nothing left to clear away or to wait
   * for.
   */
  void killDriverToo() {
    kill();
    if (isDriverAlive()) {
      driver.destroyForcibly();
    }
  }

  /** Whether every process that was to end has ended. */
  boolean isDone() {
    return isDriverEnding
        && !isDriverAlive()
        && instances.stream().noneMatch(instance -> instance.process().isAlive());
  }

  /**
   * Whether no frame can arrive any more. There is no driver; or a stage is gone that was not told
   * to end; or nothing has begun, because processes cannot be started.
   */
  private boolean isBroken() {
    if (driverExitCode != ExitCode.OK || exitCode() == ExitCode.START) {
      return true;
    }
    Stage ended = ending == null ? Stage.first() : ending;
    return stages.entrySet().stream()
        .anyMatch(entry -> entry.getKey().compareTo(ended) > 0 && entry.getValue().isEmpty());
  }

  private Instance startInstance(Stage stage, boolean isJoining) throws IOException {
    firstReadNanos();
    instances.removeIf(one -> !one.process().isAlive());
    Instance instance = processes.startService(stage, isJoining, asked.get(Stage.first()));
    instances.add(instance);
    return instance;
  }

  private void lookAfterDriver(long nowNanos) {
    if (driverRestarts.isWaiting()) {
      if (driverRestarts.isDue(nowNanos)) {
        startDriver(nowNanos);
      }
      return;
    }
    if (!driver.isAlive()) {
      onDriverEnd(driver.exitValue(), nowNanos);
      return;
    }
    driverFiles.look();
    if (nowNanos - driverLookNanos >= DRIVER_LOOK_NANOS) {
      driverLookNanos = nowNanos;
      hasDriverBegun = hasDriverBegun || instances.stream().anyMatch(Instance::isReady);
      killDriverWithoutFiles();
    }
  }

  /**
   * Kills a driver whose files are gone: no process can find it, and the next driver makes new
   * files. A driver that is ending deletes its files itself and is gone by the next look. So only
   * two looks in a row count.
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
    // Final only before a driver has run. After that, a problem with settings or memory may not
    // recur.
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
