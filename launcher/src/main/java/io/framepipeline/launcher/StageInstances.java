package io.framepipeline.launcher;

import io.framepipeline.common.config.ExitCode;
import io.framepipeline.common.topology.Stage;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;

/**
 * The instances of one stage. Some are wanted: each of these is started again when it dies. Others
 * were told to leave and have not ended yet. Used by one thread, step by step.
 */
final class StageInstances {
  /** Starts an instance. */
  @FunctionalInterface
  interface Starter {
    /**
     * Starts one instance.
     *
     * @throws IOException if this machine has no process for it now
     */
    Instance start() throws IOException;
  }

  /** A wanted instance: its process, or the time when one will be started again. */
  private static final class Slot {
    final Restarts restarts = new Restarts();

    /** The last instance; null if none could be started yet. */
    Instance instance;

    /** An instance that waits to be started counts as the youngest. */
    long uptimeNanos() {
      return restarts.isWaiting() ? 0 : instance.uptimeNanos();
    }
  }

  /**
   * The exit code of a process that gets SIGTERM before it can handle it, at some moments before
   * {@code main}. It was seen in 7 of 3000 JVMs ended in their first 120 ms.
   */
  private static final int TERMINATED_AT_START = 1;

  private final Stage stage;
  private final Starter starter;
  private final Console console;
  private final List<Slot> slots = new ArrayList<>();
  private final List<Instance> leaving = new ArrayList<>();
  private int exitCode = ExitCode.OK;

  /** Whether any instance has ever begun its work. */
  private boolean hasBegun;

  StageInstances(Stage stage, Starter starter, Console console) {
    this.stage = stage;
    this.starter = starter;
    this.console = console;
  }

  /** Starts instances, or tells the newest ones to leave, until this many are wanted. */
  void resize(int count) {
    while (slots.size() < count) {
      Slot slot = new Slot();
      slots.add(slot);
      start(slot, System.nanoTime());
    }
    while (slots.size() > count) {
      release(Collections.min(slots, Comparator.comparingLong(Slot::uptimeNanos)));
    }
  }

  /** Checks the processes once. Call it every few milliseconds. */
  void doWork(long nowNanos) {
    for (Slot slot : slots) {
      if (slot.instance != null) {
        slot.instance.newMetricsUrl().ifPresent(url -> onBegin(slot.instance, url));
      }
    }
    slots.removeIf(slot -> !keep(slot, nowNanos));
    leaving.removeIf(this::hasLeft);
  }

  /** Starts no process again, and waits for none, from now on. */
  void forget() {
    slots.clear();
    leaving.clear();
  }

  /** Whether no instance is wanted, and none is leaving. */
  boolean isEmpty() {
    return slots.isEmpty() && leaving.isEmpty();
  }

  /** The exit code of an instance that would end the same way again, or {@link ExitCode#OK}. */
  int exitCode() {
    return exitCode;
  }

  /** How many instances are wanted. */
  int wanted() {
    return slots.size();
  }

  private void onBegin(Instance instance, String url) {
    hasBegun = true;
    tell(instance, "started, metrics at " + url);
  }

  private void release(Slot slot) {
    slots.remove(slot);
    if (!slot.restarts.isWaiting()) {
      slot.instance.process().destroy();
      leaving.add(slot.instance);
    }
  }

  /** Whether the instance is still wanted. Starts it again first, if that is due. */
  private boolean keep(Slot slot, long nowNanos) {
    if (slot.restarts.isWaiting()) {
      return !slot.restarts.isDue(nowNanos) || startAgain(slot, nowNanos);
    }
    if (slot.instance.process().isAlive()) {
      return true;
    }
    int code = slot.instance.process().exitValue();
    if (Restarts.isFinal(code)) {
      exitCode = code;
      return false;
    }
    if (stage.isFirst() && isFinished(slot.instance, code)) {
      return false;
    }
    if (slot.instance.hasEnded() && code == ExitCode.OK) {
      slot.restarts.againAfterOrderlyEnd(nowNanos);
      return true;
    }
    boolean isFruitless = !hasBegun && Restarts.isByItself(code);
    if (!slot.restarts.again(nowNanos, slot.instance.uptimeNanos(), isFruitless)) {
      return giveUp("ended with exit code " + code);
    }
    if (!isFruitless) {
      tell(slot.instance, "died with exit code %s, starting another".formatted(code));
    }
    return true;
  }

  /**
   * A reader is finished only if it says so: a JVM that is not a reader yet may end with any code.
   */
  private static boolean isFinished(Instance reader, int code) {
    return reader.hasEnded()
        && (code == ExitCode.OK || code == ExitCode.LOST || code == ExitCode.STOPPED);
  }

  private boolean startAgain(Slot slot, long nowNanos) {
    if (slot.instance != null
        && slot.instance.hasEnded()
        && slot.instance.process().exitValue() == ExitCode.OK) {
      tell(slot.instance, "ended in order, starting another");
    }
    return start(slot, nowNanos);
  }

  /** Starts an instance; returns whether it is still wanted. */
  private boolean start(Slot slot, long nowNanos) {
    try {
      slot.instance = starter.start();
      slot.restarts.onStart();
    } catch (IOException e) {
      if (!slot.restarts.again(nowNanos, 0, !hasBegun)) {
        return giveUp(e.getMessage());
      }
      if (hasBegun) {
        console.event("no process for a %s now: %s".formatted(stage.label(), e.getMessage()));
      }
    }
    return true;
  }

  private boolean giveUp(String why) {
    exitCode = ExitCode.START;
    console.event(Restarts.fruitless(stage.label(), why));
    return false;
  }

  private boolean hasLeft(Instance instance) {
    if (instance.process().isAlive()) {
      return false;
    }
    int code = instance.process().exitValue();
    if (Restarts.isFinal(code)) {
      exitCode = code;
    }
    boolean isTerminated =
        code == ExitCode.STOPPED || (code == TERMINATED_AT_START && !instance.hasFigures());
    if (code != ExitCode.OK && !isTerminated) {
      tell(instance, "was told to leave and ended with exit code " + code);
    }
    return true;
  }

  private void tell(Instance instance, String what) {
    console.event("%s %s %s".formatted(stage.label(), instance.process().pid(), what));
  }
}
