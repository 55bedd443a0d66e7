package io.framepipeline.benchmarks;

import io.framepipeline.common.metrics.Histogram;
import java.util.Map;
import java.util.TreeMap;

/**
 * What a run has done by a moment.
 *
 * @param cpuSeconds by role
 */
record Progress(
    long nanos,
    long frames,
    Histogram.Snapshot latencyNanos,
    Map<String, Double> cpuSeconds,
    double contextSwitches) {
  /**
   * What was done between two moments.
   *
   * @param cpuMicrosPerFrame of the processes of each stage together, and of the driver
   * @param cores that were busy with each, on average
   */
  record Sample(
      double framesPerSecond,
      double p50Micros,
      double p99Micros,
      Map<String, Double> cpuMicrosPerFrame,
      Map<String, Double> cores,
      double contextSwitchesPerFrame) {}

  /** What was done since an earlier moment; with a silent source there are no frames. */
  Sample since(Progress from) {
    double elapsed = (nanos - from.nanos) / 1e9;
    long done = frames - from.frames;
    Histogram.Snapshot latency = latencyNanos.minus(from.latencyNanos);
    Map<String, Double> perFrame = new TreeMap<>();
    Map<String, Double> cores = new TreeMap<>();
    cpuSeconds.forEach(
        (role, cpu) -> {
          double used = cpu - from.cpuSeconds.getOrDefault(role, 0.0);
          perFrame.put(role, used * 1e6 / done);
          cores.put(role, used / elapsed);
        });
    return new Sample(
        done / elapsed,
        latency.quantile(0.5) / 1e3,
        latency.quantile(0.99) / 1e3,
        perFrame,
        cores,
        (contextSwitches - from.contextSwitches) / done);
  }
}
