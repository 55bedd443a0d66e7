package io.framepipeline.common.transport;

import static io.aeron.AeronCounters.DRIVER_SUBSCRIBER_POSITION_TYPE_ID;
import static org.agrona.concurrent.status.CountersReader.KEY_OFFSET;
import static org.agrona.concurrent.status.CountersReader.RECORD_ALLOCATED;
import static org.agrona.concurrent.status.CountersReader.metaDataOffset;

import io.aeron.ExclusivePublication;
import io.framepipeline.common.frame.Frames;
import java.util.concurrent.TimeUnit;
import org.agrona.BitUtil;
import org.agrona.DirectBuffer;
import org.agrona.concurrent.status.CountersReader;

/**
 * What an inbox has yet to read of a publication, and when that is enough: as much as it reads in
 * {@link #ENOUGH_NANOS}. A longer queue would not make it work more. But the frames in it would
 * wait long, and be lost with it if it died; and a reader's window, which ends a fixed number of
 * frames behind the oldest unacknowledged one, would have no room for those that other inboxes
 * could take.
 */
final class Backlog {
  /** Half of a log's window is this part of a term. */
  static final int HALF_LOG_DIVISOR = 4;

  private static final long MEASURE_INTERVAL_NANOS = TimeUnit.MILLISECONDS.toNanos(20);

  /**
   * Longer than anybody sleeps, and not longer than a window lasts, even twice: what waits for one
   * inbox is to hold up the others as little as can be. An inbox that has just joined reads slowly,
   * until it is compiled.
   */
  private static final long ENOUGH_NANOS = TimeUnit.MILLISECONDS.toNanos(10);

  /**
   * However slow it is; whoever reads faster is given more than this after the first measurement.
   */
  private static final long MIN_ENOUGH_BYTES = 8 * Frames.LOG_LENGTH;

  /**
   * One that has read all it was sent may be able to read so many times that; it is not given all
   * there is at once, since it may also have become slow in the meantime.
   */
  private static final int GROWTH = 2;

  /** The weight of a new measurement is 1 / 2^2. */
  private static final int SMOOTHING_SHIFT = 2;

  /** Where the key of a position counter has what identifies a publication, see StreamCounter. */
  private static final int SESSION_ID_OFFSET = BitUtil.SIZE_OF_LONG;

  private static final int STREAM_ID_OFFSET = SESSION_ID_OFFSET + BitUtil.SIZE_OF_INT;

  private final ExclusivePublication publication;
  private final CountersReader counters;
  private final int positionCounterId;
  private final long registrationId;

  /** Little at first: nobody knows yet how fast it reads. */
  private long enoughBytes;

  private long measuredNanos;
  private long measuredRead;
  private long measuredSent;

  private Backlog(
      ExclusivePublication publication,
      CountersReader counters,
      int positionCounterId,
      long nowNanos) {
    this.publication = publication;
    this.counters = counters;
    this.positionCounterId = positionCounterId;
    this.registrationId = counters.getCounterRegistrationId(positionCounterId);
    mark(nowNanos);
  }

  /** The backlog of a publication that is connected; null if its inbox is not to be found. */
  static Backlog of(ExclusivePublication publication, CountersReader counters, long nowNanos) {
    DirectBuffer metaData = counters.metaDataBuffer();
    for (int counterId = 0, max = counters.maxCounterId(); counterId <= max; counterId++) {
      int key = metaDataOffset(counterId) + KEY_OFFSET;
      if (counters.getCounterState(counterId) == RECORD_ALLOCATED
          && counters.getCounterTypeId(counterId) == DRIVER_SUBSCRIBER_POSITION_TYPE_ID
          && metaData.getInt(key + SESSION_ID_OFFSET) == publication.sessionId()
          && metaData.getInt(key + STREAM_ID_OFFSET) == publication.streamId()) {
        return new Backlog(publication, counters, counterId, nowNanos);
      }
    }
    return null;
  }

  long unreadBytes() {
    return publication.position() - read();
  }

  /**
   * Whether there is no room, but half of the window would be free if the driver moved the limit.
   */
  boolean isLimitStale() {
    int halfWindow = publication.termBufferLength() / HALF_LOG_DIVISOR;
    return publication.availableWindow() <= 0 && unreadBytes() <= halfWindow;
  }

  /** Whether so much is unread that frames had better go elsewhere. */
  boolean isEnough(long unreadBytes) {
    return unreadBytes > enoughBytes && unreadBytes >= MIN_ENOUGH_BYTES;
  }

  /** Whether the inbox has read up to a position, or is gone. */
  boolean hasRead(long position) {
    return counters.getCounterState(positionCounterId) != RECORD_ALLOCATED
        || counters.getCounterRegistrationId(positionCounterId) != registrationId
        || read() >= position;
  }

  /** Measures, if it is time to, how fast the inbox reads. */
  void measure(long nowNanos) {
    long elapsedNanos = nowNanos - measuredNanos;
    if (elapsedNanos < MEASURE_INTERVAL_NANOS) {
      return;
    }
    long read = read();
    long readBytes = (read - measuredRead) * ENOUGH_NANOS / elapsedNanos;
    if (read >= measuredSent) {
      enoughBytes = GROWTH * readBytes;
    } else {
      enoughBytes += (readBytes - enoughBytes) >> SMOOTHING_SHIFT;
    }
    mark(nowNanos);
  }

  private void mark(long nowNanos) {
    measuredNanos = nowNanos;
    measuredRead = read();
    measuredSent = publication.position();
  }

  private long read() {
    return counters.getCounterValue(positionCounterId);
  }
}
