package io.framepipeline.common.service;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class TurnTest {
  private static final int WORK = 200_000;

  private final Turn turn = new Turn();

  @Test
  void shouldBeOneThreadsAtATime() {
    assertThat(turn.tryTake()).isTrue();
    assertThat(turn.tryTakeOwn()).isFalse();
    turn.end();
    assertThat(turn.tryTakeOwn()).isTrue();
    assertThat(turn.tryTake()).isFalse();
  }

  @Test
  void shouldTellThatTheOwnThreadTriedInVainUntilItsNextTurn() {
    assertThat(turn.tryTake()).isTrue();
    assertThat(turn.isMissed()).isFalse();
    assertThat(turn.tryTakeOwn()).isFalse();
    turn.end();
    assertThat(turn.isMissed()).isTrue();

    assertThat(turn.tryTakeOwn()).isTrue();
    turn.end();
    assertThat(turn.isMissed()).isFalse();
  }

  /** Work comes from two sides; whoever sleeps over any of it sleeps for ever. */
  @Test
  void shouldLeaveNoWorkBehind() throws InterruptedException {
    AtomicLong offered = new AtomicLong();
    Semaphore doorbell = new Semaphore(0);
    long[] done = new long[1];

    Thread own =
        start(
            () -> {
              boolean isDone = false;
              while (!isDone) {
                if (turn.tryTakeOwn()) {
                  done[0] = offered.get();
                  isDone = done[0] == 2 * WORK;
                  turn.end();
                }
                if (!isDone) {
                  doorbell.acquireUninterruptibly();
                  doorbell.drainPermits();
                }
              }
            });
    Thread prompting =
        start(
            () -> {
              for (int i = 0; i < WORK; i++) {
                offered.incrementAndGet();
                boolean isWorkLeft = true;
                if (turn.tryTake()) {
                  done[0] = offered.get();
                  isWorkLeft = done[0] == 2 * WORK;
                  turn.end();
                }
                if (isWorkLeft || turn.isMissed()) {
                  doorbell.release();
                }
              }
            });
    for (int i = 0; i < WORK; i++) {
      offered.incrementAndGet();
      doorbell.release();
    }

    prompting.join();
    own.join();
    assertThat(done[0]).isEqualTo(2 * WORK);
  }

  private static Thread start(Runnable task) {
    return Thread.ofPlatform().daemon().start(task);
  }
}
