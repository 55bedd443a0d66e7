package io.framepipeline.common.metrics;

import static org.agrona.BitUtil.SIZE_OF_LONG;

import java.lang.invoke.VarHandle;
import org.agrona.concurrent.AtomicBuffer;

/**
 * The reader's account of its frames, in a buffer that other threads or processes may read. One
 * thread writes it, into several slots in turn. So {@link #read()} always sees the figures of one
 * moment, even if the writer is stopped or killed inside a write. The equation {@code read =
 * acknowledged + in flight + abandoned + returned} can be checked on every sample.
 */
public final class Ledger {
  private static final int READ = 0;
  private static final int ACKNOWLEDGED = READ + SIZE_OF_LONG;
  private static final int IN_FLIGHT = ACKNOWLEDGED + SIZE_OF_LONG;
  private static final int ABANDONED = IN_FLIGHT + SIZE_OF_LONG;
  private static final int RETURNED = ABANDONED + SIZE_OF_LONG;
  private static final int REDELIVERED = RETURNED + SIZE_OF_LONG;
  private static final int SLOT_LENGTH = REDELIVERED + SIZE_OF_LONG;

  /** A power of two. After this many writes a slot is written again. */
  private static final int SLOTS = 8;

  /** The number of writes. It also tells the slot of the last write. */
  private static final int WRITES = 0;

  private static final int SLOTS_OFFSET = WRITES + SIZE_OF_LONG;

  /** Bytes that a ledger takes. */
  static final int LENGTH = SLOTS_OFFSET + SLOTS * SLOT_LENGTH;

  /**
   * The figures of one moment, in frames.
   *
   * @param framesRead taken over from the reading thread
   * @param framesAcknowledged whose norm came back and, if results are written, is written
   * @param framesInFlight retained until they are completed or abandoned
   * @param framesAbandoned given up after too many deliveries
   * @param framesReturned that went back to Kafka, for another reader to compute
   * @param framesRedelivered deliveries beyond each frame's first
   */
  public record Entry(
      long framesRead,
      long framesAcknowledged,
      long framesInFlight,
      long framesAbandoned,
      long framesReturned,
      long framesRedelivered) {
    /** The ledger of a stage that reads nothing. */
    public static final Entry EMPTY = new Entry(0, 0, 0, 0, 0, 0);

    /** Frames that no other figure counts; 0 unless something is badly wrong. */
    public long framesLost() {
      return framesRead - framesAcknowledged - framesInFlight - framesAbandoned - framesReturned;
    }

    /**
     * The same for a reader that is dead: nothing of it is in flight any more.
     *
     * @param isReturned whether those frames went back to Kafka; otherwise they show as lost
     */
    Entry withoutInFlight(boolean isReturned) {
      return new Entry(
          framesRead,
          framesAcknowledged,
          0,
          framesAbandoned,
          framesReturned + (isReturned ? framesInFlight : 0),
          framesRedelivered);
    }

    /** The sum of two readers' ledgers. */
    public Entry plus(Entry other) {
      return new Entry(
          framesRead + other.framesRead,
          framesAcknowledged + other.framesAcknowledged,
          framesInFlight + other.framesInFlight,
          framesAbandoned + other.framesAbandoned,
          framesReturned + other.framesReturned,
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
  public void write(
      long read,
      long acknowledged,
      long inFlight,
      long abandoned,
      long returned,
      long redelivered) {
    long writes = buffer.getLong(offset + WRITES) + 1;
    int slot = slot(writes);
    // Other threads must see that the last write is over before they can see this write's figures.
    VarHandle.storeStoreFence();
    buffer.putLong(slot + READ, read);
    buffer.putLong(slot + ACKNOWLEDGED, acknowledged);
    buffer.putLong(slot + IN_FLIGHT, inFlight);
    buffer.putLong(slot + ABANDONED, abandoned);
    buffer.putLong(slot + RETURNED, returned);
    buffer.putLong(slot + REDELIVERED, redelivered);
    buffer.putLongRelease(offset + WRITES, writes);
  }

  /** Publishes new figures; only the one writing thread may call this. */
  void write(Entry entry) {
    write(
        entry.framesRead(),
        entry.framesAcknowledged(),
        entry.framesInFlight(),
        entry.framesAbandoned(),
        entry.framesReturned(),
        entry.framesRedelivered());
  }

  /** The figures of one moment: those of the last completed write. */
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
              buffer.getLong(slot + RETURNED),
              buffer.getLong(slot + REDELIVERED));
      VarHandle.loadLoadFence();
      // The slot is used again SLOTS writes later, and one write more than counted may be under
      // way.
      if (buffer.getLong(offset + WRITES) - writes < SLOTS - 1) {
        return entry;
      }
    }
  }

  private int slot(long write) {
    return offset + SLOTS_OFFSET + ((int) write & (SLOTS - 1)) * SLOT_LENGTH;
  }
}
