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
 * are to leave and have not ended yet: they are started again only if they are readers, since
 * another one must deliver what a dead reader had in flight. Used by one thread, step by step.
 */
final class StageInstances {
  /** Starts an instance. */
  @FunctionalInterface
  interface Starter {
    /**
     * Starts one instance.
     *
     * @param isJoining whether others of its stage are at work, and it is to leave CPUs to them
     *     until it is ready
     * @throws IOException if this machine has no process for it now
     */
    Instance start(boolean isJoining) throws IOException;
  }

  /** An instance: its process, or the time when one will be started again. */
  private static final class Slot {
    final Restarts restarts = new Restarts();

    /** Whether the stage was at work already when this one was added. */
    final boolean isAddition;

    /** The last instance; null if none could be started yet. */
    Instance instance;

    /** Whether a reader of this slot was an orphan, so the next one has something to take over. */
    boolean hadOrphan;

    /** Whether the instance was told to leave. */
    boolean isTold;

    Slot(boolean isAddition) {
      this.isAddition = isAddition;
    }

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
  private final List<Slot> leaving = new ArrayList<>();
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
      Slot slot = new Slot(hasBegun);
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
        slot.instance.restoreWeight();
      }
    }
    slots.removeIf(slot -> !keep(slot, nowNanos));
    leaving.removeIf(slot -> !isLeaving(slot, nowNanos));
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
    if (!slot.restarts.isWaiting() || slot.hadOrphan) {
      leaving.add(slot);
      tellToLeave(slot);
    }
  }

  /** Not before the instance can take over: a JVM that has just started would die of it. */
  private static void tellToLeave(Slot slot) {
    boolean canBeTold = !slot.restarts.isWaiting() && !slot.isTold;
    if (canBeTold && (!slot.hadOrphan || slot.instance.hasBegun())) {
      slot.isTold = true;
      slot.instance.process().destroy();
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
    slot.hadOrphan |= slot.instance.isOrphan();
    if (Restarts.isFinal(code)) {
      if (isDispensable(slot) && slots.size() > 1) {
        tell(slot.instance, "was refused with exit code %s, going on without it".formatted(code));
      } else {
        exitCode = code;
      }
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

  /** Whether an instance was refused at its start that the stage had done without before. */
  private static boolean isDispensable(Slot slot) {
    return slot.isAddition && !slot.hadOrphan && !slot.instance.hasBegun();
  }

  /**
   * A reader is finished only if it says so: a JVM that is not a reader yet may end with any code.
   * One that says so may be killed all the same.
   */
  private static boolean isFinished(Instance reader, int code) {
    return reader.hasEnded()
        && (code == ExitCode.OK || code == ExitCode.LOST || !Restarts.isByItself(code));
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
      slot.instance = starter.start(isJoining(slot));
      slot.isTold = false;
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

  /** Frames wait for a reader that takes over, and for the only one of its stage. */
  private boolean isJoining(Slot slot) {
    return !slot.hadOrphan
        && slots.stream().anyMatch(other -> other.instance != null && other.instance.isReady());
  }

  private boolean giveUp(String why) {
    exitCode = ExitCode.START;
    console.event(Restarts.fruitless(stage.label(), why));
    return false;
  }

  /**
   * Whether the instance has yet to leave. Starts another first, if there is something to take over
   * and that is due.
   */
  private boolean isLeaving(Slot slot, long nowNanos) {
    if (slot.restarts.isWaiting()) {
      return !slot.restarts.isDue(nowNanos) || start(slot, nowNanos);
    }
    if (slot.instance.process().isAlive()) {
      tellToLeave(slot);
      return true;
    }
    int code = slot.instance.process().exitValue();
    slot.hadOrphan |= slot.instance.isOrphan();
    if (Restarts.isFinal(code) && !isDispensable(slot)) {
      exitCode = code;
    } else if (slot.hadOrphan && !slot.instance.hasEnded()) {
      return isTakenOver(slot, code, nowNanos);
    }
    boolean isTerminated =
        code == ExitCode.STOPPED || (code == TERMINATED_AT_START && !slot.instance.hasFigures());
    if (code != ExitCode.OK && !isTerminated) {
      tell(slot.instance, "was told to leave and ended with exit code " + code);
    }
    return false;
  }

  /** Plans another reader, which takes over and leaves; returns whether it is worth a try. */
  private boolean isTakenOver(Slot slot, int code, long nowNanos) {
    boolean isFruitless = !hasBegun && Restarts.isByItself(code);
    if (!slot.restarts.again(nowNanos, slot.instance.uptimeNanos(), isFruitless)) {
      return giveUp("ended with exit code " + code);
    }
    tell(
        slot.instance,
        "was told to leave and died with exit code %s, starting another for what it had in flight"
            .formatted(code));
    return true;
  }

  private void tell(Instance instance, String what) {
    console.event("%s %s %s".formatted(stage.label(), instance.process().pid(), what));
  }
}
