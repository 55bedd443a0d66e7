package io.framepipeline.common.transport;

import static org.agrona.concurrent.status.CountersReader.DEFAULT_REGISTRATION_ID;
import static org.agrona.concurrent.status.CountersReader.KEY_OFFSET;
import static org.agrona.concurrent.status.CountersReader.RECORD_ALLOCATED;
import static org.agrona.concurrent.status.CountersReader.RECORD_UNUSED;
import static org.agrona.concurrent.status.CountersReader.metaDataOffset;

import io.aeron.Aeron;
import io.framepipeline.common.linux.ProcessLiveness;
import io.framepipeline.common.topology.InstanceCounts;
import io.framepipeline.common.topology.Stage;
import java.lang.invoke.VarHandle;
import java.util.EnumMap;
import java.util.Map;
import org.agrona.BitUtil;
import org.agrona.DirectBuffer;
import org.agrona.MutableDirectBuffer;
import org.agrona.concurrent.UnsafeBuffer;
import org.agrona.concurrent.status.CountersReader;

/**
 * Announces inboxes and finds them, by one Aeron counter for each. The driver frees a counter when
 * its owner closes it or is evicted. So membership needs no protocol of its own, and {@code
 * AeronStat} shows all inboxes. {@link ProcessLiveness} sees deaths sooner. The counter's value is
 * the inbox's state.
 *
 * <p>Key: stage (int32), stream id (int32), instance id (int32), the byte that the owner has
 * locked, see {@link ProcessLiveness} (int64), the owner's doorbell, see {@link Doorbells} (int32).
 */
final class InboxDirectory {
  /** Aeron reserves type ids below 1000. */
  static final int COUNTER_TYPE_ID = 4096;

  /** Takes frames. */
  static final long OPEN = 1;

  /**
   * Takes frames, but its owner was told to stop, see {@link Departure}. Senders treat it as open.
   */
  static final long STOPPING = 2;

  /** Takes no new sender, and asks its senders to close. Reads what they sent before. */
  static final long LEAVING = 3;

  /** Has handed on everything it was sent. */
  static final long DRAINED = 4;

  private static final int STAGE_OFFSET = 0;
  private static final int STREAM_ID_OFFSET = STAGE_OFFSET + BitUtil.SIZE_OF_INT;
  private static final int INSTANCE_ID_OFFSET = STREAM_ID_OFFSET + BitUtil.SIZE_OF_INT;
  private static final int LOCK_OFFSET = INSTANCE_ID_OFFSET + BitUtil.SIZE_OF_INT;
  private static final int DOORBELL_OFFSET = LOCK_OFFSET + BitUtil.SIZE_OF_LONG;
  private static final int KEY_LENGTH = DOORBELL_OFFSET + BitUtil.SIZE_OF_INT;

  private final CountersReader counters;

  InboxDirectory(CountersReader counters) {
    this.counters = counters;
  }

  /**
   * Asks the driver to announce an inbox. Its subscription must exist already.
   *
   * @return the id for {@link Aeron#getCounter}; the inbox is open once the counter's value says so
   */
  static long announce(
      Aeron aeron, Stage stage, int streamId, int instanceId, long lock, int doorbell) {
    String label = "inbox " + stage.label() + " stream=" + streamId + " instance=" + instanceId;
    MutableDirectBuffer buffer = new UnsafeBuffer(new byte[KEY_LENGTH + label.length()]);
    buffer.putInt(STAGE_OFFSET, stage.id());
    buffer.putInt(STREAM_ID_OFFSET, streamId);
    buffer.putInt(INSTANCE_ID_OFFSET, instanceId);
    buffer.putLong(LOCK_OFFSET, lock);
    buffer.putInt(DOORBELL_OFFSET, doorbell);
    int labelLength = buffer.putStringWithoutLengthAscii(KEY_LENGTH, label);
    return aeron.asyncAddCounter(
        COUNTER_TYPE_ID, buffer, 0, KEY_LENGTH, buffer, KEY_LENGTH, labelLength);
  }

  /** The number of instances that a connection's driver knows, plus one that joins. */
  static InstanceCounts countsWith(Stage joining, DriverConnection connection) {
    Map<Stage, Integer> counts = new EnumMap<>(Stage.class);
    counts.put(joining, 1);
    InboxDirectory directory = new InboxDirectory(connection.aeron().countersReader());
    for (Stage stage : Stage.ALL) {
      directory.forEach(stage, (counterId, id) -> counts.merge(stage, 1, Integer::sum));
    }
    return InstanceCounts.of(counts);
  }

  /** Called with each inbox of a stage. */
  @FunctionalInterface
  interface Visitor {
    /**
     * Visits one inbox.
     *
     * @param counterId the id of the inbox's counter at present
     * @param registrationId identifies the inbox for the driver's whole life
     */
    void onInbox(int counterId, long registrationId);
  }

  /**
   * Visits the inboxes of a stage, in any state. Allocates nothing. Skips a counter that the driver
   * is still making, and one whose key makes no sense, because any client can make counters.
   */
  void forEach(Stage stage, Visitor visitor) {
    DirectBuffer metaData = counters.metaDataBuffer();
    for (int counterId = 0, max = counters.maxCounterId(); counterId <= max; counterId++) {
      int recordState = counters.getCounterState(counterId);
      if (recordState == RECORD_UNUSED) {
        return;
      }
      if (recordState == RECORD_ALLOCATED
          && counters.getCounterTypeId(counterId) == COUNTER_TYPE_ID
          && metaData.getInt(key(counterId) + STAGE_OFFSET) == stage.id()
          && ProcessLiveness.isPosition(lock(counterId))) {
        // The driver clears the id before it allocates the counter, and sets it afterwards.
        long registrationId = counters.getCounterRegistrationId(counterId);
        if (registrationId != DEFAULT_REGISTRATION_ID) {
          visitor.onInbox(counterId, registrationId);
        }
      }
    }
  }

  /**
   * Whether everything read from an inbox's counter until now belonged to that inbox. The driver
   * clears a counter's key when it frees the counter.
   */
  boolean isStill(int counterId, long registrationId) {
    VarHandle.acquireFence();
    return counters.getCounterState(counterId) == RECORD_ALLOCATED
        && counters.getCounterRegistrationId(counterId) == registrationId;
  }

  int streamId(int counterId) {
    return counters.metaDataBuffer().getInt(key(counterId) + STREAM_ID_OFFSET);
  }

  /** The byte that the owner of an inbox has locked. */
  long lock(int counterId) {
    return counters.metaDataBuffer().getLong(key(counterId) + LOCK_OFFSET);
  }

  /** The doorbell of an inbox's owner. */
  int doorbell(int counterId) {
    return counters.metaDataBuffer().getInt(key(counterId) + DOORBELL_OFFSET);
  }

  /**
   * The state of an inbox. It can still be read for a while after the counter was freed: a freed
   * counter keeps registration id and value until the driver uses it again.
   *
   * @return one of the states, or 0 if the counter now belongs to something else
   */
  long state(int counterId, long registrationId) {
    long state = counters.getCounterValue(counterId);
    return counters.getCounterRegistrationId(counterId) == registrationId ? state : 0;
  }

  /** Whether an inbox in this state takes frames. */
  static boolean isTaking(long state) {
    return state == OPEN || state == STOPPING;
  }

  private static int key(int counterId) {
    return metaDataOffset(counterId) + KEY_OFFSET;
  }
}
