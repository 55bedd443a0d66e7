package io.framepipeline.common.service;

import java.util.concurrent.atomic.AtomicBoolean;

/**
 * Lets one of two threads at a time use what belongs to a duty cycle: the duty cycle's own thread,
 * or one that brings it work. Neither ever waits for the other. Each thread sees in its turn what
 * the other did in an earlier turn.
 */
final class Turn {
  private final AtomicBoolean isTaken = new AtomicBoolean();
  private volatile boolean isMissed;

  /** For the duty cycle's own thread. If it fails, {@link #isMissed} tells the other thread. */
  boolean tryTakeOwn() {
    if (!tryTake()) {
      // The other thread reads this after its turn. So if that turn ends now, either this second
      // attempt succeeds, or the other thread sees that a turn was missed.
      isMissed = true;
      if (!tryTake()) {
        return false;
      }
    }
    isMissed = false;
    return true;
  }

  /** For the other thread. */
  boolean tryTake() {
    return isTaken.compareAndSet(false, true);
  }

  void end() {
    isTaken.set(false);
  }

  /**
   * Whether the duty cycle's own thread has tried in vain since its last turn. It may then be
   * asleep although there is work. The other thread must ask this after its turn.
   */
  boolean isMissed() {
    return isMissed;
  }
}
