package io.framepipeline.benchmarks;

import java.util.ArrayList;
import java.util.List;

/** How many frames a run or an instance has completed by when, from a first moment on. */
final class Course {
  /** Longer than most pauses of a process, and short enough to say when a rate is reached. */
  private static final double WINDOW_SECONDS = 0.5;

  private static final double STEP_SECONDS = 0.1;

  private final List<Double> seconds = new ArrayList<>(List.of(0.0));
  private final List<Double> frames = new ArrayList<>(List.of(0.0));

  /** Notes the frames since the first moment; each moment is later than the one before. */
  void add(double secondsSinceFirst, long framesSinceFirst) {
    seconds.add(secondsSinceFirst);
    frames.add((double) framesSinceFirst);
  }

  /** Seconds from the first moment to the last one. */
  double length() {
    return seconds.getLast();
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
    while (from + WINDOW_SECONDS <= length() && rate(from, from + WINDOW_SECONDS) < rate) {
      from += STEP_SECONDS;
    }
    return from + WINDOW_SECONDS <= length() ? from : length();
  }

  /** The least frames a second in any half second. */
  double leastRate() {
    double least = Double.POSITIVE_INFINITY;
    for (double from = 0; from + WINDOW_SECONDS <= length(); from += STEP_SECONDS) {
      least = Math.min(least, rate(from, from + WINDOW_SECONDS));
    }
    return least;
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
