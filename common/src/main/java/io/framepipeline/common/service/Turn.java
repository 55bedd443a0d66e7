package io.framepipeline.common.service;

import java.util.concurrent.atomic.AtomicBoolean;

/**
 * Which of two threads has what belongs to a duty cycle to itself: the duty cycle's own, or one
 * that brings it work. Neither ever waits for the other. What one did in its turn, the other sees
 * in its next.
 */
final class Turn {
  private final AtomicBoolean isTaken = new AtomicBoolean();
  private volatile boolean isMissed;

  /** For the duty cycle's own thread. If this fails, {@link #isMissed} tells the other one. */
  boolean tryTakeOwn() {
    if (!tryTake()) {
      // The other one looks at this after its turn. So if that ends now, either is certain.
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
   * Whether the duty cycle's own thread has tried in vain since its last turn, and may sleep in
   * spite of work; to be asked by the other one after its turn.
   */
  boolean isMissed() {
    return isMissed;
  }
}
