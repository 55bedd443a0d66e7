package io.framepipeline.common.service;

import io.framepipeline.common.linux.CpuTime;
import io.framepipeline.common.metrics.Figure;
import io.framepipeline.common.metrics.StageStats;
import java.util.concurrent.TimeUnit;

/**
 * Tells a duty cycle the time, and what its time is spent on: work, waiting for work, or waiting
 * for room further on. The time after a cycle, asleep or not, counts as that cycle's. For the
 * thread that has the turn.
 */
final class DutyCycleClock {
  /** The live view looks several times a second. */
  private static final long CPU_INTERVAL_NANOS = TimeUnit.MILLISECONDS.toNanos(250);

  private final StageStats stats;
  private final CpuTime cpuTime = new CpuTime();
  private Figure state = Figure.IDLE_NANOS;
  private long nowNanos = System.nanoTime();
  private long cpuNanos = nowNanos;

  DutyCycleClock(StageStats stats) {
    this.stats = stats;
  }

  /** Returns the time, and records it, so that health checks see the duty cycle move. */
  long beginCycle() {
    long beforeNanos = nowNanos;
    nowNanos = System.nanoTime();
    stats.counter(Figure.DUTY_CYCLE_NANOS).setOpaque(nowNanos);
    stats.counter(state).getAndAddOpaque(nowNanos - beforeNanos);
    state = Figure.IDLE_NANOS;
    if (nowNanos - cpuNanos >= CPU_INTERVAL_NANOS) {
      cpuNanos = nowNanos;
      stats.counter(Figure.CPU_NANOS).setOpaque(cpuTime.nanos());
    }
    return nowNanos;
  }

  /** Says what the cycle that has just ended was spent on. Without this call it was idle. */
  void endCycle(int work, boolean isHeldBack) {
    if (work > 0) {
      state = Figure.BUSY_NANOS;
    } else if (isHeldBack) {
      state = Figure.HELD_BACK_NANOS;
    }
  }
}
