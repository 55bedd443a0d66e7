package io.framepipeline.common.metrics;

import static org.agrona.BitUtil.SIZE_OF_LONG;

import java.lang.invoke.VarHandle;
import org.agrona.concurrent.AtomicBuffer;

/**
 * The reader's account of its frames, in a buffer that other threads or processes may read. Written
 * by one thread into several slots in turn, so that {@link #read()} always sees one moment's
 * figures, even if the writer is held up or killed inside a write, and the equation {@code read =
 * acknowledged + in flight + abandoned} can be checked on every sample.
 */
public final class Ledger {
  private static final int READ = 0;
  private static final int ACKNOWLEDGED = READ + SIZE_OF_LONG;
  private static final int IN_FLIGHT = ACKNOWLEDGED + SIZE_OF_LONG;
  private static final int ABANDONED = IN_FLIGHT + SIZE_OF_LONG;
  private static final int REDELIVERED = ABANDONED + SIZE_OF_LONG;
  private static final int SLOT_LENGTH = REDELIVERED + SIZE_OF_LONG;

  /** A power of two; a slot is written again this many writes later. */
  private static final int SLOTS = 8;

  /** How many writes there were; the last one is in the slot of this number. */
  private static final int WRITES = 0;

  private static final int SLOTS_OFFSET = WRITES + SIZE_OF_LONG;

  /** Bytes that a ledger takes. */
  static final int LENGTH = SLOTS_OFFSET + SLOTS * SLOT_LENGTH;

  /**
   * One moment's figures, in frames.
   *
   * @param framesRead taken over from the source
   * @param framesAcknowledged whose norm came and, if results are, was written
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
    long writes = buffer.getLong(offset + WRITES) + 1;
    int slot = slot(writes);
    // No reader may see this write's figures before it can see that the last write is over.
    VarHandle.storeStoreFence();
    buffer.putLong(slot + READ, read);
    buffer.putLong(slot + ACKNOWLEDGED, acknowledged);
    buffer.putLong(slot + IN_FLIGHT, inFlight);
    buffer.putLong(slot + ABANDONED, abandoned);
    buffer.putLong(slot + REDELIVERED, redelivered);
    buffer.putLongRelease(offset + WRITES, writes);
  }

  /** The figures of one moment, the last one whose write is over. */
  public Entry read() {
    while (true) {
      long writes = buffer.getLongVolatile(offset + WRITES);
      int slot = slot(writes);
      Entry entry =
          new Entry(
              buffer.getLong(slot + READ),
              buffer.getLong(slot + ACKNOWLEDGED),
              buffer.getLong(slot + IN_FLIGHT),
              buffer.getLong(slot + ABANDONED),
              buffer.getLong(slot + REDELIVERED));
      VarHandle.loadLoadFence();
      // The slot is used again SLOTS writes later, and one more than are counted may be under way.
      if (buffer.getLong(offset + WRITES) - writes < SLOTS - 1) {
        return entry;
      }
    }
  }

  private int slot(long write) {
    return offset + SLOTS_OFFSET + ((int) write & (SLOTS - 1)) * SLOT_LENGTH;
  }
}
