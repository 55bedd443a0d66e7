package io.framepipeline.common.transport;

import static io.aeron.AeronCounters.DRIVER_SUBSCRIBER_POSITION_TYPE_ID;
import static org.agrona.concurrent.status.CountersReader.KEY_OFFSET;
import static org.agrona.concurrent.status.CountersReader.RECORD_ALLOCATED;
import static org.agrona.concurrent.status.CountersReader.metaDataOffset;

import io.aeron.ExclusivePublication;
import java.util.concurrent.TimeUnit;
import org.agrona.BitUtil;
import org.agrona.DirectBuffer;
import org.agrona.concurrent.status.CountersReader;

/**
 * The frames of a publication that an inbox has not read yet, and how many of them are enough.
 * Enough is what the inbox reads in {@link #ENOUGH_NANOS}. A longer queue would not make the inbox
 * work more. Its frames would wait long, and would have to be redelivered if the inbox's owner
 * died. They would also fill a reader's window, which then had no room for frames that other
 * inboxes could take.
 */
final class Backlog {
  /** Half of a log's window is a term divided by this. */
  static final int HALF_LOG_DIVISOR = 4;

  /**
   * More messages than an inbox has unread: with the shortest terms a log holds 341, and fewer are
   * enough. The two arrays take 16 KiB, which matters where a reader has many inboxes.
   */
  private static final int MAX_MESSAGES = 1024;

  private static final long MEASURE_INTERVAL_NANOS = TimeUnit.MILLISECONDS.toNanos(20);

  /**
   * Longer than any process sleeps. Even twice this is no longer than a window lasts, so frames
   * that wait for one inbox delay the others as little as possible. An inbox that has just joined
   * reads slowly until its code is compiled.
   */
  private static final long ENOUGH_NANOS = TimeUnit.MILLISECONDS.toNanos(10);

  /**
   * An inbox with fewer frames never has enough, however slow it is. A faster inbox gets more after
   * the first measurement.
   */
  private static final long MIN_ENOUGH_FRAMES = 8;

  /**
   * An inbox that has read all it was sent may be able to read this many times as much. It does not
   * get everything at once, because it may have become slow in the meantime.
   */
  private static final int GROWTH = 2;

  /** The weight of a new measurement is 1 / 2^2. */
  private static final int SMOOTHING_SHIFT = 2;

  /** Where the key of a position counter holds the publication's ids, see Aeron's StreamCounter. */
  private static final int SESSION_ID_OFFSET = BitUtil.SIZE_OF_LONG;

  private static final int STREAM_ID_OFFSET = SESSION_ID_OFFSET + BitUtil.SIZE_OF_INT;

  private final ExclusivePublication publication;
  private final CountersReader counters;
  private final int positionCounterId;
  private final long registrationId;

  /** A ring with the end position of each unread message, and the frames sent up to there. */
  private final long[] messageEnds;

  private final long[] framesUntil;
  private long oldestUnread;
  private long nextMessage;
  private long framesSent;
  private long framesRead;

  /** 0 at first: the sender does not know yet how fast the inbox reads. */
  private long enoughFrames;

  private long measuredNanos;
  private long measuredRead;
  private long measuredSent;

  private Backlog(
      ExclusivePublication publication,
      CountersReader counters,
      int positionCounterId,
      int maxFrames,
      long nowNanos) {
    this.publication = publication;
    this.messageEnds = new long[Math.min(maxFrames, MAX_MESSAGES)];
    this.framesUntil = new long[messageEnds.length];
    this.counters = counters;
    this.positionCounterId = positionCounterId;
    this.registrationId = counters.getCounterRegistrationId(positionCounterId);
    mark(nowNanos);
  }

  /**
   * The backlog of a connected publication; null if its inbox cannot be found.
   *
   * @param maxFrames the most frames that can be unread; a power of two
   */
  static Backlog of(
      ExclusivePublication publication, CountersReader counters, int maxFrames, long nowNanos) {
    DirectBuffer metaData = counters.metaDataBuffer();
    for (int counterId = 0, max = counters.maxCounterId(); counterId <= max; counterId++) {
      int key = metaDataOffset(counterId) + KEY_OFFSET;
      if (counters.getCounterState(counterId) == RECORD_ALLOCATED
          && counters.getCounterTypeId(counterId) == DRIVER_SUBSCRIBER_POSITION_TYPE_ID
          && metaData.getInt(key + SESSION_ID_OFFSET) == publication.sessionId()
          && metaData.getInt(key + STREAM_ID_OFFSET) == publication.streamId()) {
        return new Backlog(publication, counters, counterId, maxFrames, nowNanos);
      }
    }
    return null;
  }

  /** Records that the message that ends at a position carried frames. */
  void sent(long position, int frames) {
    framesSent += frames;
    int index = index(nextMessage++);
    messageEnds[index] = position;
    framesUntil[index] = framesSent;
  }

  /** Frames that the inbox has not read yet. */
  long unreadFrames() {
    long position = read();
    while (oldestUnread < nextMessage && messageEnds[index(oldestUnread)] <= position) {
      framesRead = framesUntil[index(oldestUnread++)];
    }
    return framesSent - framesRead;
  }

  /**
   * Whether there is no room, but half of the window would be free if the driver moved the limit.
   */
  boolean isLimitStale() {
    int halfWindow = publication.termBufferLength() / HALF_LOG_DIVISOR;
    return publication.availableWindow() <= 0 && publication.position() - read() <= halfWindow;
  }

  /** Whether no message can be recorded until the inbox has read one. */
  boolean isFull() {
    return nextMessage - oldestUnread == messageEnds.length;
  }

  /** Whether so many frames are unread that new ones should go to another inbox. */
  boolean isEnough(long unreadFrames) {
    return unreadFrames > enoughFrames && unreadFrames >= MIN_ENOUGH_FRAMES;
  }

  /** Whether the inbox has read up to a position, or is gone. */
  boolean hasRead(long position) {
    return counters.getCounterState(positionCounterId) != RECORD_ALLOCATED
        || counters.getCounterRegistrationId(positionCounterId) != registrationId
        || read() >= position;
  }

  /** Measures how fast the inbox reads, if a measurement is due. */
  void measure(long nowNanos) {
    long elapsedNanos = nowNanos - measuredNanos;
    if (elapsedNanos < MEASURE_INTERVAL_NANOS) {
      return;
    }
    long read = framesSent - unreadFrames();
    long readInTime = (read - measuredRead) * ENOUGH_NANOS / elapsedNanos;
    if (read >= measuredSent) {
      enoughFrames = GROWTH * readInTime;
    } else {
      enoughFrames += (readInTime - enoughFrames) >> SMOOTHING_SHIFT;
    }
    mark(nowNanos);
  }

  private void mark(long nowNanos) {
    measuredNanos = nowNanos;
    measuredRead = framesRead;
    measuredSent = framesSent;
  }

  private int index(long message) {
    return (int) message & (messageEnds.length - 1);
  }

  private long read() {
    return counters.getCounterValue(positionCounterId);
  }
}
