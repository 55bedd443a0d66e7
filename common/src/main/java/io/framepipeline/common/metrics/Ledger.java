package io.framepipeline.common.metrics;

import static org.agrona.BitUtil.SIZE_OF_LONG;

import java.lang.invoke.VarHandle;
import org.agrona.concurrent.AtomicBuffer;

/**
 * The reader's account of its frames, in a buffer that other threads or processes may read. Written
 * by one thread under a sequence lock, so that {@link #read()} always sees one moment's figures and
 * the equation {@code read = acknowledged + in flight + abandoned} can be checked on every sample.
 */
public final class Ledger {
  private static final int VERSION = 0;
  private static final int READ = VERSION + SIZE_OF_LONG;
  private static final int ACKNOWLEDGED = READ + SIZE_OF_LONG;
  private static final int IN_FLIGHT = ACKNOWLEDGED + SIZE_OF_LONG;
  private static final int ABANDONED = IN_FLIGHT + SIZE_OF_LONG;
  private static final int REDELIVERED = ABANDONED + SIZE_OF_LONG;

  private static final int MAX_READ_ATTEMPTS = 10_000;

  /** Bytes that a ledger takes. */
  static final int LENGTH = REDELIVERED + SIZE_OF_LONG;

  /**
   * One moment's figures, in frames.
   *
   * @param framesRead taken over from the source
   * @param framesAcknowledged whose norm was recorded
   * @param framesInFlight retained until their acknowledgement
   * @param framesAbandoned given up after too many deliveries
   * @param framesRedelivered deliveries beyond each frame's first
   */
  public record Entry(
      long framesRead,
      long framesAcknowledged,
      long framesInFlight,
      long framesAbandoned,
      long framesRedelivered) {
    /** Of a stage that reads nothing. */
    public static final Entry EMPTY = new Entry(0, 0, 0, 0, 0);

    /** Frames that none of the other figures accounts for; 0 unless something is badly wrong. */
    public long framesLost() {
      return framesRead - framesAcknowledged - framesAbandoned - framesInFlight;
    }

    /** What two readers' ledgers hold together. */
    public Entry plus(Entry other) {
      return new Entry(
          framesRead + other.framesRead,
          framesAcknowledged + other.framesAcknowledged,
          framesInFlight + other.framesInFlight,
          framesAbandoned + other.framesAbandoned,
          framesRedelivered + other.framesRedelivered);
    }
  }

  private final AtomicBuffer buffer;
  private final int offset;

  Ledger(AtomicBuffer buffer, int offset) {
    this.buffer = buffer;
    this.offset = offset;
  }

  /** Publishes new figures; only the one writing thread may call this. */
  public void write(long read, long acknowledged, long inFlight, long abandoned, long redelivered) {
    long version = buffer.getLong(offset + VERSION);
    buffer.putLong(offset + VERSION, version + 1);
    VarHandle.storeStoreFence();
    buffer.putLong(offset + READ, read);
    buffer.putLong(offset + ACKNOWLEDGED, acknowledged);
    buffer.putLong(offset + IN_FLIGHT, inFlight);
    buffer.putLong(offset + ABANDONED, abandoned);
    buffer.putLong(offset + REDELIVERED, redelivered);
    buffer.putLongRelease(offset + VERSION, version + 2);
  }

  /**
   * The figures of one moment. If the writer was killed inside {@link #write} they are the
   * half-written ones: waiting for it would take for ever.
   */
  public Entry read() {
    Entry entry = Entry.EMPTY;
    for (int attempt = 0; attempt < MAX_READ_ATTEMPTS; attempt++) {
      long version = buffer.getLongVolatile(offset + VERSION);
      entry =
          new Entry(
              buffer.getLong(offset + READ),
              buffer.getLong(offset + ACKNOWLEDGED),
              buffer.getLong(offset + IN_FLIGHT),
              buffer.getLong(offset + ABANDONED),
              buffer.getLong(offset + REDELIVERED));
      VarHandle.loadLoadFence();
      if ((version & 1) == 0 && buffer.getLong(offset + VERSION) == version) {
        return entry;
      }
      Thread.onSpinWait();
    }
    return entry;
  }
}
