package io.framepipeline.driver;

import io.framepipeline.common.transport.Doorbells;
import org.agrona.concurrent.IdleStrategy;

/**
 * After each duty cycle that did something, which may have moved the limits of senders, wakes those
 * that wait for it; otherwise does what another strategy does.
 */
final class LimitIdleStrategy implements IdleStrategy {
  private final Doorbells doorbells;
  private final IdleStrategy idleStrategy;

  LimitIdleStrategy(Doorbells doorbells, IdleStrategy idleStrategy) {
    this.doorbells = doorbells;
    this.idleStrategy = idleStrategy;
  }

  @Override
  public void idle(int workCount) {
    if (workCount > 0) {
      doorbells.wakeWantingRoom();
    }
    idleStrategy.idle(workCount);
  }

  @Override
  public void idle() {
    idleStrategy.idle();
  }

  @Override
  public void reset() {
    idleStrategy.reset();
  }
}
