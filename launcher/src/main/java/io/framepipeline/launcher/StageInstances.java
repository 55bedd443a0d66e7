package io.framepipeline.launcher;

import io.framepipeline.common.service.ExitCode;
import io.framepipeline.common.transport.Stage;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import java.util.stream.Stream;

/**
 * The instances of one stage: as many as are asked for, each started again when it dies, and those
 * that were told to leave and have not ended yet. Used by one thread, step by step.
 */
final class StageInstances {
  /** An instance that is to be there: its process, or the time when there will be one again. */
  private static final class Slot {
    final RestartDelay restarts = new RestartDelay();
    Instance instance;
    long restartNanos;

    Slot(Instance instance) {
      this.instance = instance;
    }

    boolean isWaiting() {
      return restartNanos != 0;
    }

    /** Who waits to be started is younger than anybody. */
    long uptimeNanos() {
      return isWaiting() ? 0 : instance.uptimeNanos();
    }
  }

  /**
   * Who ended in order was told to stop by another than this, who perhaps is ending the whole run.
   * So long it is not started again.
   */
  static final long ORDERLY_END_NANOS = TimeUnit.SECONDS.toNanos(1);

  /**
   * How a process ends that gets SIGTERM before it can handle it, in some moments before {@code
   * main}: of 3000 JVMs ended in their first 120 ms, 7.
   */
  private static final int TERMINATED_AT_START = 1;

  private final Stage stage;
  private final Supplier<Instance> starter;
  private final Console console;
  private final List<Slot> slots = new ArrayList<>();
  private final List<Instance> leaving = new ArrayList<>();
  private int exitCode = ExitCode.OK;

  StageInstances(Stage stage, Supplier<Instance> starter, Console console) {
    this.stage = stage;
    this.starter = starter;
    this.console = console;
  }

  /** Starts instances, or tells the newest ones to leave, until so many are to be there. */
  void resize(int count) {
    while (slots.size() < count) {
      slots.add(new Slot(starter.get()));
    }
    while (slots.size() > count) {
      release(Collections.min(slots, Comparator.comparingLong(Slot::uptimeNanos)));
    }
  }

  /** Looks after the processes once; to be called every few milliseconds. */
  void doWork(long nowNanos) {
    slots.removeIf(slot -> !keep(slot, nowNanos));
    leaving.removeIf(this::hasLeft);
    for (Slot slot : slots) {
      slot.instance
          .newMetricsUrl()
          .ifPresent(url -> tell(slot.instance, "started, metrics at " + url));
    }
  }

  /** Has no process started again any more, nor waits for any. */
  void forget() {
    slots.clear();
    leaving.clear();
  }

  /** Whether no instance is there or is to be there. */
  boolean isEmpty() {
    return slots.isEmpty() && leaving.isEmpty();
  }

  /** The exit code of an instance that another try would not change, or {@link ExitCode#OK}. */
  int exitCode() {
    return exitCode;
  }

  /** The instances whose processes are there, leaving ones included. */
  Stream<Instance> running() {
    return Stream.concat(slots.stream().map(slot -> slot.instance), leaving.stream())
        .filter(instance -> instance.process().isAlive());
  }

  StageStatus status() {
    int ready = (int) slots.stream().filter(slot -> slot.instance.isReady()).count();
    return new StageStatus(ready, slots.size() - ready, leaving.size());
  }

  private void release(Slot slot) {
    slots.remove(slot);
    if (!slot.isWaiting()) {
      slot.instance.process().destroy();
      leaving.add(slot.instance);
    }
  }

  /** Whether the instance is still to be there, after it was started again if it is time to. */
  private boolean keep(Slot slot, long nowNanos) {
    if (slot.instance.process().isAlive()) {
      return true;
    }
    int code = slot.instance.process().exitValue();
    if (isFinal(code)) {
      exitCode = code;
      return false;
    }
    if (stage == Stage.READER
        && (code == ExitCode.OK || code == ExitCode.LOST || isStopped(slot.instance, code))) {
      // Its input has ended, or it was told to stop.
      return false;
    }
    if (!slot.isWaiting() && code == ExitCode.OK) {
      slot.restartNanos = nowNanos + ORDERLY_END_NANOS;
    } else if (!slot.isWaiting()) {
      slot.restartNanos = nowNanos + slot.restarts.nextDelayNanos(slot.instance.uptimeNanos());
      tell(slot.instance, "died with exit code %d, starting another".formatted(code));
    } else if (nowNanos - slot.restartNanos >= 0) {
      if (code == ExitCode.OK) {
        tell(slot.instance, "ended in order, starting another");
      }
      slot.instance = starter.get();
      slot.restartNanos = 0;
    }
    return true;
  }

  private boolean hasLeft(Instance instance) {
    if (instance.process().isAlive()) {
      return false;
    }
    int code = instance.process().exitValue();
    if (isFinal(code)) {
      exitCode = code;
    }
    boolean isTerminated =
        code == ExitCode.STOPPED || (code == TERMINATED_AT_START && instance.stats() == null);
    if (code != ExitCode.OK && !isTerminated) {
      tell(instance, "was told to leave and ended with exit code " + code);
    }
    return true;
  }

  private static boolean isStopped(Instance instance, int code) {
    return code == ExitCode.STOPPED
        && instance.stats() != null
        && instance.stats().hasEnded.get() == 1;
  }

  /** Whether another try would end the same way. */
  private static boolean isFinal(int code) {
    return code == ExitCode.USAGE || code == ExitCode.PARTIAL_FRAME || code == ExitCode.NO_INPUT;
  }

  private void tell(Instance instance, String what) {
    console.event("%s %d %s".formatted(stage.label(), instance.process().pid(), what));
  }
}
