package io.framepipeline.common.metrics;

import io.framepipeline.common.topology.Stage;

/**
 * The figures of one instance, as they are now.
 *
 * @param name never used for another one
 * @param isAlive whether its process lives
 * @param hasLedger whether its ledger counts; not for a reader that has none yet, or from which
 *     another one has taken over
 */
public record InstanceFigures(
    String name, Stage stage, boolean isAlive, boolean hasLedger, StageStats stats) {
  /** Its ledger, if that counts. For a dead reader nothing counts as in flight. */
  public Ledger.Entry ledger() {
    if (!hasLedger) {
      return Ledger.Entry.EMPTY;
    }
    return isAlive ? stats.ledger.read() : stats.endedLedger();
  }

  /** Whether the instance is at work: connected to the driver and to the next stage. */
  public boolean isReady() {
    return isAlive && stats.counter(Figure.READY).get() == 1;
  }

  /** Whether the instance lives and was told to stop. */
  public boolean isStopping() {
    return isAlive && stats.counter(Figure.STOPPING).get() == 1;
  }

  /** Whether its process died without an end in order. */
  public boolean hasDied() {
    return !isAlive && stats.counter(Figure.ENDED).get() == 0;
  }

  /**
   * Whether it is a reader that died, and whose frames in flight another one can take over: they
   * show as lost until then.
   */
  public boolean isOrphan() {
    return hasDied() && hasLedger && number() != 0;
  }

  /** A reader's number, counted from 0; -1 if it has none. */
  public long reader() {
    return number() - 1;
  }

  /** How many instances died whose place this one took. */
  public long restarts() {
    return stats.counter(Figure.RESTARTS).get() + stats.counter(Figure.GENERATION).get();
  }

  /** The same, now that its process is gone. */
  public InstanceFigures dead() {
    return new InstanceFigures(name, stage, false, hasLedger, stats);
  }

  /** The same, with a ledger that does not count. */
  InstanceFigures withoutLedger() {
    return new InstanceFigures(name, stage, isAlive, false, stats);
  }

  /** Whether it is a reader whose ledger counts only once it has a number. */
  boolean needsNumber() {
    return stage.isFirst() && stats.counter(Figure.IS_REREAD).get() == 0;
  }

  /** Its {@link Figure#READER}; 0 for other stages. */
  long number() {
    return stage.isFirst() ? stats.counter(Figure.READER).get() : 0;
  }

  long generation() {
    return stats.counter(Figure.GENERATION).get();
  }

  /**
   * The frames that the instance has read, transformed or normed, depending on its stage. A reader
   * counts those of the dead ones that had its number, too.
   */
  public long frames() {
    if (stage.isFirst()) {
      return stats.ledger.read().framesRead();
    }
    return stats.counter(stage.isLast() ? Figure.FRAMES_NORMED : Figure.FRAMES_TRANSFORMED).get();
  }
}
