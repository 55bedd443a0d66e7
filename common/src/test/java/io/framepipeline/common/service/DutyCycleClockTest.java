package io.framepipeline.common.service;

import static org.assertj.core.api.Assertions.assertThat;

import io.framepipeline.common.metrics.Figure;
import io.framepipeline.common.metrics.StageStats;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class DutyCycleClockTest {
  private final StageStats stats = StageStats.inMemory();
  private final DutyCycleClock clock = new DutyCycleClock(stats);

  @Test
  void shouldCountAllTimeOnceByWhatTheCycleBeforeWasSpentOn() {
    clock.beginCycle();
    long idleBefore = nanos(Figure.IDLE_NANOS);
    long start = nanos(Figure.DUTY_CYCLE_NANOS);
    clock.endCycle(0, false);
    long afterIdle = clock.beginCycle();
    assertThat(nanos(Figure.IDLE_NANOS) - idleBefore).isEqualTo(afterIdle - start).isPositive();
    clock.endCycle(3, true);
    long afterBusy = clock.beginCycle();
    assertThat(nanos(Figure.BUSY_NANOS)).isEqualTo(afterBusy - afterIdle).isPositive();
    clock.endCycle(0, true);
    long afterHeldBack = clock.beginCycle();
    assertThat(nanos(Figure.HELD_BACK_NANOS)).isEqualTo(afterHeldBack - afterBusy).isPositive();
    // A cycle of which nobody says what it was spent on was one without a connection.
    long end = clock.beginCycle();
    assertThat(nanos(Figure.IDLE_NANOS) - idleBefore)
        .isEqualTo(afterIdle - start + end - afterHeldBack);
  }

  @Test
  void shouldTellTheCpuTimeOfTheProcess() {
    long startNanos = System.nanoTime();
    while (System.nanoTime() - startNanos < TimeUnit.MILLISECONDS.toNanos(300)) {
      clock.beginCycle();
    }
    assertThat(nanos(Figure.CPU_NANOS)).isPositive();
  }

  private long nanos(Figure figure) {
    return stats.counter(figure).get();
  }
}
