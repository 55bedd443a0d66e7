package io.framepipeline.benchmarks;

import java.util.ArrayList;
import java.util.List;

/** How many frames a run has completed by when, from its first frame on. */
final class Course {
  /** Longer than most pauses of a process, and short enough to say when a rate is reached. */
  private static final double WINDOW_SECONDS = 0.5;

  private static final double STEP_SECONDS = 0.1;

  private final List<Double> seconds = new ArrayList<>(List.of(0.0));
  private final List<Double> frames = new ArrayList<>(List.of(0.0));

  /** Notes the frames by this moment; each moment is later than the one before. */
  void add(double secondsSinceFirst, long framesSinceFirst) {
    seconds.add(secondsSinceFirst);
    frames.add((double) framesSinceFirst);
  }

  /** Frames a second in this part of the course. */
  double rate(double fromSeconds, double toSeconds) {
    return (framesAt(toSeconds) - framesAt(fromSeconds)) / (toSeconds - fromSeconds);
  }

  /**
   * The start of the first half second with at least this rate; the course's length if none has.
   */
  double secondsUntil(double rate) {
    double from = 0;
    while (from + WINDOW_SECONDS <= seconds.getLast() && rate(from, from + WINDOW_SECONDS) < rate) {
      from += STEP_SECONDS;
    }
    return from + WINDOW_SECONDS <= seconds.getLast() ? from : seconds.getLast();
  }

  private double framesAt(double moment) {
    int next = 1;
    while (next < seconds.size() - 1 && seconds.get(next) < moment) {
      next++;
    }
    double start = seconds.get(next - 1);
    double share = (moment - start) / (seconds.get(next) - start);
    return frames.get(next - 1) + (frames.get(next) - frames.get(next - 1)) * share;
  }
}
