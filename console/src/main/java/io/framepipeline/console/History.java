package io.framepipeline.console;

import io.framepipeline.console.PipelineState.Point;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.function.Function;

/** The last ten minutes, a point each second. */
final class History {
  /** The points as columns, as charts take them. The names are the keys of {@code history.json}. */
  record Columns(
      List<Long> epochMillis,
      List<Double> framesPerSecond,
      List<Double> p50Micros,
      List<Double> p99Micros,
      List<Long> framesInFlight,
      List<Long> windowFrames) {}

  private static final int SECONDS = 600;
  private static final Point NONE = new Point(0, 0, null, null, 0, 0);

  private final Deque<Point> points = new ArrayDeque<>(SECONDS);

  /** Adds the newest point. */
  void add(Point point) {
    if (points.size() == SECONDS) {
      points.removeFirst();
    }
    points.addLast(point);
  }

  /** The newest point; zeros before there is one. */
  Point newest() {
    return points.isEmpty() ? NONE : points.getLast();
  }

  Columns columns() {
    return new Columns(
        column(Point::epochMillis),
        column(Point::framesPerSecond),
        column(Point::p50Micros),
        column(Point::p99Micros),
        column(Point::framesInFlight),
        column(Point::windowFrames));
  }

  private <T> List<T> column(Function<Point, T> value) {
    return points.stream().map(value).toList();
  }
}
