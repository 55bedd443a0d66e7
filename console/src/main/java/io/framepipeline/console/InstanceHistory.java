package io.framepipeline.console;

import io.framepipeline.common.metrics.Figure;
import io.framepipeline.common.metrics.InstanceFigures;
import io.framepipeline.common.metrics.StageStats;
import io.framepipeline.console.PipelineState.InstanceState;
import io.framepipeline.console.PipelineState.SourceState;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.concurrent.TimeUnit;

/** What the live view has seen of one instance: its last second, and its death. */
final class InstanceHistory {
  private static final long RATE_NANOS = TimeUnit.SECONDS.toNanos(1);

  /** The figures that grow, at one moment. */
  private record Sample(
      long nanos, long frames, long cpuNanos, long busy, long idle, long heldBack) {
    static Sample of(InstanceFigures instance, long nowNanos) {
      StageStats stats = instance.stats();
      return new Sample(
          nowNanos,
          instance.frames(),
          stats.counter(Figure.CPU_NANOS).get(),
          stats.counter(Figure.BUSY_NANOS).get(),
          stats.counter(Figure.IDLE_NANOS).get(),
          stats.counter(Figure.HELD_BACK_NANOS).get());
    }
  }

  /** From the newest one that is at least a second old to the newest. */
  private final Deque<Sample> samples = new ArrayDeque<>();

  private InstanceFigures instance;
  private boolean hasBegun;
  private long endNanos;
  private long aliveEpochMillis;

  /** Takes the instance as it is now. */
  void update(InstanceFigures now, long nowNanos) {
    if (instance != null && now.hasLedger() && !instance.hasLedger()) {
      // It goes on with the figures of a dead reader, which is no rate of its own.
      samples.clear();
    }
    instance = now;
    hasBegun |= now.isReady();
    if (now.isAlive()) {
      endNanos = 0;
      aliveEpochMillis = System.currentTimeMillis();
    } else if (endNanos == 0) {
      endNanos = nowNanos;
    }
    samples.addLast(Sample.of(now, nowNanos));
    while (samples.size() > 2 && nowNanos - second().nanos() >= RATE_NANOS) {
      samples.removeFirst();
    }
  }

  /** Notes that the figures are gone, since another instance has added them to the sum. */
  void onGone(long nowNanos) {
    update(instance.dead(), nowNanos);
  }

  InstanceFigures instance() {
    return instance;
  }

  /** Whether the instance has been at work. */
  boolean hasBegun() {
    return hasBegun;
  }

  /** Whether the instance ended longer ago than this. */
  boolean hasEndedBefore(long nanos) {
    return endNanos != 0 && endNanos - nanos < 0;
  }

  InstanceState state() {
    StageStats stats = instance.stats();
    Sample first = samples.getFirst();
    Sample last = samples.getLast();
    double nanos = Math.max(1, last.nanos - first.nanos);
    double busy = last.busy - first.busy;
    double idle = last.idle - first.idle;
    double heldBack = last.heldBack - first.heldBack;
    double cycle = Math.max(1, busy + idle + heldBack);
    return new InstanceState(
        instance.name(),
        stats.counter(Figure.PID).get(),
        stateName(),
        (aliveEpochMillis - stats.counter(Figure.START_EPOCH_MILLIS).get()) / 1e3,
        last.frames,
        RATE_NANOS * (last.frames - first.frames) / nanos,
        (last.cpuNanos - first.cpuNanos) / nanos,
        busy / cycle,
        idle / cycle,
        heldBack / cycle,
        instance.isAlive() ? stats.counter(Figure.INBOX_FRAMES).get() : 0,
        SourceState.of(instance),
        instance.restarts());
  }

  private String stateName() {
    if (!instance.isAlive()) {
      return instance.hasDied() ? "dead" : "ended";
    }
    if (instance.isStopping()) {
      return "leaving";
    }
    return instance.isReady() ? "running" : "starting";
  }

  private Sample second() {
    return samples.stream().skip(1).findFirst().orElseThrow();
  }
}
