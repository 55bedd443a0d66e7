package io.framepipeline.launcher;

import io.framepipeline.common.metrics.FiguresDirectory;
import io.framepipeline.common.topology.Stage;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/** The files by which a run speaks with other commands, as the run keeps them. */
final class RunFiles {
  private static final long INTERVAL_NANOS = TimeUnit.MILLISECONDS.toNanos(50);

  /** Prometheus scrapes every few seconds. */
  private static final long TARGETS_INTERVAL_NANOS = TimeUnit.MILLISECONDS.toNanos(500);

  private final Path runDirectory;
  private final FiguresDirectory figures;
  private final ScaleRequests requests;
  private final MetricsTargets targets;
  private RunFile written;
  private long nextNanos = System.nanoTime();
  private long nextTargetsNanos = nextNanos;

  RunFiles(Path runDirectory, FiguresDirectory figures) {
    this.runDirectory = runDirectory;
    this.figures = figures;
    this.requests = new ScaleRequests(runDirectory);
    this.targets = new MetricsTargets(runDirectory);
  }

  /** Answers requests, and writes what has changed. Call it every few milliseconds. */
  void doWork(Consumer<Map<Stage, Integer>> scale, Supervisor supervisor) {
    if (System.nanoTime() - nextNanos < 0) {
      return;
    }
    nextNanos = System.nanoTime() + INTERVAL_NANOS;
    try {
      requests.take(scale);
      // Before the answers: an asking command reads it then.
      writeInstances(supervisor);
      requests.answer();
      if (System.nanoTime() - nextTargetsNanos >= 0) {
        nextTargetsNanos = System.nanoTime() + TARGETS_INTERVAL_NANOS;
        targets.update(figures.look());
      }
    } catch (IOException e) {
      // Either the directory is gone, which ends the run, or memory is full: then the next try is
      // soon.
    }
  }

  private void writeInstances(Supervisor supervisor) throws IOException {
    RunFile now = new RunFile(Map.copyOf(supervisor.asked()), supervisor.wanted());
    if (!now.equals(written)) {
      now.write(runDirectory);
      written = now;
    }
  }
}
