package io.framepipeline.driver;

import io.framepipeline.common.transport.Doorbells;
import org.agrona.concurrent.IdleStrategy;

/**
 * Wakes blocked senders after each duty cycle that did something, since it may have moved their
 * limits. Then idles as another strategy does.
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
