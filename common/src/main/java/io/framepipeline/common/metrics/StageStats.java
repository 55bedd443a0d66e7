package io.framepipeline.common.metrics;

import io.framepipeline.common.topology.Stage;
import io.framepipeline.common.wire.RejectReason;
import java.nio.ByteBuffer;
import java.util.EnumMap;
import org.agrona.BitUtil;
import org.agrona.BufferUtil;
import org.agrona.concurrent.AtomicBuffer;
import org.agrona.concurrent.UnsafeBuffer;
import org.agrona.concurrent.status.AtomicCounter;
import org.agrona.concurrent.status.CountersReader;

/**
 * The figures of one instance, or the sum of those of a stage's ended instances. Each figure has
 * one writing thread. Metrics, commands and the live view read them at any time. They are kept in a
 * file of a {@link FiguresDirectory}, so they outlive an instance that is killed, complete to the
 * last frame.
 *
 * <p>Layout: magic number (int64), version (int32), length (int32), the stage's id (int32), the
 * name of the file that was added last (see {@link FiguresDirectory}); then counters, the ledger,
 * and two histograms.
 */
public final class StageStats {
  /** "FIGURES" and a zero byte, in the byte order of the machine. */
  private static final long MAGIC = 0x0053_4552_5547_4946L;

  /** To be raised with each change of the layout. */
  private static final int VERSION = 3;

  private static final int MAGIC_OFFSET = 0;
  private static final int VERSION_OFFSET = MAGIC_OFFSET + BitUtil.SIZE_OF_LONG;
  private static final int LENGTH_OFFSET = VERSION_OFFSET + BitUtil.SIZE_OF_INT;
  private static final int STAGE_OFFSET = LENGTH_OFFSET + BitUtil.SIZE_OF_INT;
  private static final int LAST_ADDED_OFFSET = STAGE_OFFSET + BitUtil.SIZE_OF_INT;
  private static final int COUNTERS_OFFSET = 2 * CountersReader.COUNTER_LENGTH;

  private static final int COUNTERS = Figure.values().length + RejectReason.values().length;
  private static final int LEDGER_OFFSET =
      COUNTERS_OFFSET + COUNTERS * CountersReader.COUNTER_LENGTH;
  private static final int LATENCY_OFFSET =
      BitUtil.align(LEDGER_OFFSET + Ledger.LENGTH, CountersReader.COUNTER_LENGTH);
  private static final int NORM_OFFSET =
      LATENCY_OFFSET
          + BitUtil.align(Histogram.length(Buckets.LATENCY_NANOS), CountersReader.COUNTER_LENGTH);

  /** Bytes that figures take. */
  static final int LENGTH = NORM_OFFSET + Histogram.length(Buckets.NORM);

  /** The reader's ledger. */
  public final Ledger ledger;

  /** Nanoseconds from a frame's origin to its norm. */
  public final Histogram latencyNanos;

  /** The norms themselves. */
  public final Histogram norms;

  private final AtomicBuffer header;
  private final EnumMap<Figure, AtomicCounter> counters = new EnumMap<>(Figure.class);
  private final EnumMap<RejectReason, AtomicCounter> rejected = new EnumMap<>(RejectReason.class);

  private StageStats(AtomicBuffer buffer) {
    header = new UnsafeBuffer(buffer, 0, COUNTERS_OFFSET);
    AtomicBuffer values =
        new UnsafeBuffer(buffer, COUNTERS_OFFSET, LEDGER_OFFSET - COUNTERS_OFFSET);
    int id = 0;
    for (Figure figure : Figure.values()) {
      counters.put(figure, new AtomicCounter(values, id++));
    }
    for (RejectReason reason : RejectReason.values()) {
      rejected.put(reason, new AtomicCounter(values, id++));
    }
    ledger = new Ledger(buffer, LEDGER_OFFSET);
    latencyNanos = new Histogram(Buckets.LATENCY_NANOS, buffer, LATENCY_OFFSET);
    norms = new Histogram(Buckets.NORM, buffer, NORM_OFFSET);
  }

  /** Figures in this process's memory. */
  public static StageStats inMemory() {
    return new StageStats(
        new UnsafeBuffer(
            BufferUtil.allocateDirectAligned(LENGTH, BitUtil.CACHE_LINE_LENGTH), 0, LENGTH));
  }

  /** New figures in memory that holds zeros. */
  static StageStats create(ByteBuffer memory, Stage stage) {
    StageStats stats = new StageStats(new UnsafeBuffer(memory, 0, LENGTH));
    stats.header.putLong(MAGIC_OFFSET, MAGIC);
    stats.header.putInt(VERSION_OFFSET, VERSION);
    stats.header.putInt(LENGTH_OFFSET, LENGTH);
    stats.header.putInt(STAGE_OFFSET, stage.id());
    return stats;
  }

  /**
   * Existing figures.
   *
   * @return null if these are no figures, or those of another version
   */
  static StageStats of(ByteBuffer memory) {
    if (memory.capacity() < LENGTH) {
      return null;
    }
    StageStats stats = new StageStats(new UnsafeBuffer(memory, 0, LENGTH));
    boolean isKnown =
        stats.header.getLong(MAGIC_OFFSET) == MAGIC
            && stats.header.getInt(VERSION_OFFSET) == VERSION
            && stats.header.getInt(LENGTH_OFFSET) == LENGTH;
    return isKnown && stats.stage() != null ? stats : null;
  }

  /** The stage whose figures these are. */
  Stage stage() {
    int id = header.getInt(STAGE_OFFSET);
    return Stage.ALL.stream().filter(stage -> stage.id() == id).findFirst().orElse(null);
  }

  /** The name of the file whose figures were added last; empty if none were. */
  String lastAdded() {
    return header.getStringAscii(LAST_ADDED_OFFSET);
  }

  /**
   * Adds an ended instance's figures to these, which are a sum. What is no count stays out, but for
   * the first and the last moment.
   *
   * @param endedLedger what the ended instance's ledger adds
   */
  void add(String name, StageStats ended, Ledger.Entry endedLedger) {
    for (Figure figure : Figure.values()) {
      if (figure.type == Figure.Type.COUNTER) {
        counter(figure).getAndAdd(ended.counter(figure).get());
      }
    }
    for (RejectReason reason : RejectReason.values()) {
      rejected(reason).getAndAdd(ended.rejected(reason).get());
    }
    counter(Figure.FIRST_READ_NANOS).set(earliestRead(ended));
    AtomicCounter last = counter(Figure.LAST_COMPLETED_NANOS);
    last.set(Math.max(last.get(), ended.counter(Figure.LAST_COMPLETED_NANOS).get()));
    ledger.write(ledger.read().plus(endedLedger));
    latencyNanos.add(ended.latencyNanos.snapshot());
    norms.add(ended.norms.snapshot());
    header.putStringAscii(LAST_ADDED_OFFSET, name);
  }

  /**
   * The ledger of an instance that is no more, even if it was killed. Frames that it had in flight
   * are in flight no more, so they show as lost, unless they went back to Kafka.
   */
  Ledger.Entry endedLedger() {
    return ledger.read().withoutInFlight(counter(Figure.IS_REREAD).get() == 1);
  }

  private long earliestRead(StageStats other) {
    long own = counter(Figure.FIRST_READ_NANOS).get();
    long others = other.counter(Figure.FIRST_READ_NANOS).get();
    return own == 0 || others == 0 ? Math.max(own, others) : Math.min(own, others);
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
