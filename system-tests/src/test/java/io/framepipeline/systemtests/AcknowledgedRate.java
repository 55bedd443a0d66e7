package io.framepipeline.systemtests;

import io.framepipeline.common.metrics.StageStats;
import io.framepipeline.common.topology.Stage;
import java.util.Locale;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.agrona.collections.LongArrayList;

/** Watches how fast a reader's frames are acknowledged, before and after a marked moment. */
final class AcknowledgedRate implements AutoCloseable {
  private static final long INTERVAL_NANOS = TimeUnit.MILLISECONDS.toNanos(2);

  /** Over which a rate is taken, so that batches do not show. */
  private static final long SPAN_NANOS = TimeUnit.MILLISECONDS.toNanos(250);

  private static final double RECOVERED = 0.8;

  private static final long TENTH_NANOS = TimeUnit.MILLISECONDS.toNanos(100);
  private static final int COURSE_TENTHS = 20;

  private final StageStats reader;
  private final LongArrayList nanos = new LongArrayList();
  private final LongArrayList frames = new LongArrayList();
  private final Thread sampler;
  private long markNanos;
  private volatile boolean isClosed;

  AcknowledgedRate(PipelineProcess run) {
    reader = run.stats(Stage.READER);
    sampler = Thread.ofPlatform().name("acknowledged-rate").daemon().start(this::run);
  }

  /** Now something is about to happen. */
  void mark() {
    markNanos = System.nanoTime();
  }

  /** Ends the watch and says what it saw. */
  @Override
  public String toString() {
    close();
    int mark = indexAfter(0, markNanos);
    double before = rate(0, mark);
    double stallMillis = 0;
    long lastProgressNanos = markNanos;
    for (int i = Math.max(mark, 1); i < nanos.size(); i++) {
      if (frames.getLong(i) > frames.getLong(i - 1)) {
        stallMillis = Math.max(stallMillis, (nanos.getLong(i) - lastProgressNanos) / 1e6);
        lastProgressNanos = nanos.getLong(i);
      }
    }
    return String.format(
        Locale.ROOT,
        "%,.0f frames/s before; nothing acknowledged for %.0f ms at most; back over 80 %% after %.0f ms; %% of before by tenths of a second:%s",
        before,
        stallMillis,
        recoveredMillis(mark, before),
        course(mark, before));
  }

  private String course(int mark, double before) {
    StringBuilder course = new StringBuilder();
    int from = mark;
    for (int tenth = 1; tenth <= COURSE_TENTHS && from < nanos.size() - 1; tenth++) {
      int to = indexAfter(from, markNanos + tenth * TENTH_NANOS);
      course.append(' ').append(Math.round(100 * rate(from, to) / before));
      from = to;
    }
    return course.toString();
  }

  @Override
  public void close() {
    isClosed = true;
    try {
      sampler.join();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private void run() {
    while (!isClosed) {
      nanos.addLong(System.nanoTime());
      frames.addLong(reader.ledger.read().framesAcknowledged());
      LockSupport.parkNanos(INTERVAL_NANOS);
    }
  }

  /** When the first span began, after the mark, that was fast enough. */
  private double recoveredMillis(int mark, double before) {
    int i = mark;
    while (i < nanos.size()
        && rate(i, indexAfter(i, nanos.getLong(i) + SPAN_NANOS)) < RECOVERED * before) {
      i++;
    }
    return (nanos.getLong(Math.min(i, nanos.size() - 1)) - markNanos) / 1e6;
  }

  private int indexAfter(int from, long moment) {
    int index = from;
    while (index < nanos.size() && nanos.getLong(index) - moment < 0) {
      index++;
    }
    return index;
  }

  private double rate(int from, int to) {
    int end = Math.min(to, nanos.size() - 1);
    return (frames.getLong(end) - frames.getLong(from))
        * 1e9
        / (nanos.getLong(end) - nanos.getLong(from));
  }
}
