package io.framepipeline.common.metrics;

import io.framepipeline.common.frame.Verdict;
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
 * The figures of one instance. Each has one writing thread; metrics and the local command read them
 * whenever they like. Kept in a file on request, they outlive an instance that is killed and can be
 * read by its parent to the last frame.
 */
public final class StageStats {
  private static final int COUNTERS = 15 + Verdict.count();
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

  /**
   * {@link System#nanoTime} of the last duty cycle, and of the reader's first frame and last ack.
   */
  public final AtomicCounter dutyCycleNanos;

  public final AtomicCounter firstReadNanos;
  public final AtomicCounter lastAckNanos;

  /** Epoch milliseconds when a frame or an acknowledgement last got further. */
  public final AtomicCounter lastProgressEpochMillis;

  /** 1 while the driver is connected and the next stage is present. */
  public final AtomicCounter ready;

  /** 1 once the instance has ended in order, whatever its exit code: it was not killed. */
  public final AtomicCounter hasEnded;

  public final AtomicCounter framesPadded;
  public final AtomicCounter framesTransformed;
  public final AtomicCounter framesNormed;
  public final AtomicCounter framesDuplicate;
  public final AtomicCounter backpressure;
  public final AtomicCounter downstreamInstances;
  public final AtomicCounter windowFrames;

  /** Frames whose norm is known and waits to be written. */
  public final AtomicCounter resultsWaiting;

  public final AtomicCounter metricsPort;

  private final EnumMap<Verdict, AtomicCounter> messages = new EnumMap<>(Verdict.class);

  private StageStats(ByteBuffer memory) {
    AtomicBuffer buffer = new UnsafeBuffer(memory, 0, LENGTH);
    int id = 0;
    dutyCycleNanos = new AtomicCounter(buffer, id++);
    firstReadNanos = new AtomicCounter(buffer, id++);
    lastAckNanos = new AtomicCounter(buffer, id++);
    lastProgressEpochMillis = new AtomicCounter(buffer, id++);
    ready = new AtomicCounter(buffer, id++);
    hasEnded = new AtomicCounter(buffer, id++);
    framesPadded = new AtomicCounter(buffer, id++);
    framesTransformed = new AtomicCounter(buffer, id++);
    framesNormed = new AtomicCounter(buffer, id++);
    framesDuplicate = new AtomicCounter(buffer, id++);
    backpressure = new AtomicCounter(buffer, id++);
    downstreamInstances = new AtomicCounter(buffer, id++);
    windowFrames = new AtomicCounter(buffer, id++);
    resultsWaiting = new AtomicCounter(buffer, id++);
    metricsPort = new AtomicCounter(buffer, id++);
    for (Verdict verdict : Verdict.values()) {
      messages.put(verdict, new AtomicCounter(buffer, id++));
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
   * @throws IOException if there is no room for it: pages are written before they are mapped, since
   *     a mapped page that the file system cannot provide kills the process
   */
  public static StageStats create(Path path) throws IOException {
    Files.write(path, new byte[LENGTH]);
    return new StageStats(IoUtil.mapExistingFile(path.toFile(), "statistics"));
  }

  /**
   * Another process's figures, to be read only.
   *
   * @return null while that process has not created them
   */
  public static StageStats open(Path path) {
    File file = path.toFile();
    return file.length() < LENGTH
        ? null
        : new StageStats(IoUtil.mapExistingFile(file, "statistics"));
  }

  /** How many messages in this instance's inbox were judged so. */
  public AtomicCounter messages(Verdict verdict) {
    return messages.get(verdict);
  }
}
