package io.framepipeline.common.metrics;

import io.framepipeline.common.wire.RejectReason;
import java.io.File;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.EnumMap;
import org.agrona.BitUtil;
import org.agrona.BufferUtil;
import org.agrona.IoUtil;
import org.agrona.concurrent.AtomicBuffer;
import org.agrona.concurrent.UnsafeBuffer;
import org.agrona.concurrent.status.AtomicCounter;
import org.agrona.concurrent.status.CountersReader;

/**
 * The figures of one instance. Each has one writing thread. Metrics and the local command read them
 * at any time. If they are kept in a file, they outlive an instance that is killed. Its parent can
 * then still read them, complete to the last frame.
 */
public final class StageStats {
  private static final int COUNTERS = Figure.values().length + RejectReason.values().length;
  private static final int LEDGER_OFFSET = COUNTERS * CountersReader.COUNTER_LENGTH;
  private static final int LATENCY_OFFSET =
      BitUtil.align(LEDGER_OFFSET + Ledger.LENGTH, CountersReader.COUNTER_LENGTH);
  private static final int NORM_OFFSET =
      LATENCY_OFFSET
          + BitUtil.align(Histogram.length(Buckets.LATENCY_NANOS), CountersReader.COUNTER_LENGTH);
  private static final int LENGTH = NORM_OFFSET + Histogram.length(Buckets.NORM);

  /** The reader's ledger. */
  public final Ledger ledger;

  /** Nanoseconds from a frame's origin to its norm. */
  public final Histogram latencyNanos;

  /** The norms themselves. */
  public final Histogram norms;

  private final EnumMap<Figure, AtomicCounter> counters = new EnumMap<>(Figure.class);
  private final EnumMap<RejectReason, AtomicCounter> rejected = new EnumMap<>(RejectReason.class);

  private StageStats(ByteBuffer memory) {
    AtomicBuffer buffer = new UnsafeBuffer(memory, 0, LENGTH);
    int id = 0;
    for (Figure figure : Figure.values()) {
      counters.put(figure, new AtomicCounter(buffer, id++));
    }
    for (RejectReason reason : RejectReason.values()) {
      rejected.put(reason, new AtomicCounter(buffer, id++));
    }
    ledger = new Ledger(buffer, LEDGER_OFFSET);
    latencyNanos = new Histogram(Buckets.LATENCY_NANOS, buffer, LATENCY_OFFSET);
    norms = new Histogram(Buckets.NORM, buffer, NORM_OFFSET);
  }

  /** Figures in this process's memory. */
  public static StageStats inMemory() {
    return new StageStats(BufferUtil.allocateDirectAligned(LENGTH, BitUtil.CACHE_LINE_LENGTH));
  }

  /**
   * Figures in a new file.
   *
   * @throws IOException if there is no room for it. Pages are written before they are mapped,
   *     because a mapped page that the file system cannot provide kills the process
   */
  public static StageStats create(Path path) throws IOException {
    Files.write(path, new byte[LENGTH]);
    return new StageStats(IoUtil.mapExistingFile(path.toFile(), "statistics"));
  }

  /**
   * Another process's figures, only to read.
   *
   * @return null while that process has not created them
   */
  public static StageStats open(Path path) {
    File file = path.toFile();
    return file.length() < LENGTH
        ? null
        : new StageStats(IoUtil.mapExistingFile(file, "statistics"));
  }

  /** A figure. Any thread may read it; only the thread that it belongs to may write it. */
  public AtomicCounter counter(Figure figure) {
    return counters.get(figure);
  }

  /** How many messages in this instance's inbox were skipped for this reason. */
  public AtomicCounter rejected(RejectReason reason) {
    return rejected.get(reason);
  }
}
