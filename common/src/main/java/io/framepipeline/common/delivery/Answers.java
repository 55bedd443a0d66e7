package io.framepipeline.common.delivery;

import io.aeron.logbuffer.BufferClaim;
import io.framepipeline.common.transport.Outboxes;
import io.framepipeline.common.wire.Frames;
import io.framepipeline.common.wire.sbe.GroupSizeEncodingEncoder;
import io.framepipeline.common.wire.sbe.MessageHeaderEncoder;
import io.framepipeline.common.wire.sbe.NormsEncoder;
import java.util.concurrent.TimeUnit;

/** The answers that wait to be sent to one reader's inbox. */
final class Answers {
  /** Answers that can wait at first: as many as a reader with default settings expects. */
  private static final int CAPACITY = 4096;

  /**
   * Answers that can wait at most. No reader expects more. So one reader's answers do not hold up
   * messages of other readers in the same log.
   */
  private static final int MAX_CAPACITY = Frames.MAX_WINDOW_FRAMES;

  /** Answers in a message: as many as fit into the default MTU, a twelfth of a window. */
  private static final int PER_MESSAGE = 85;

  private static final int PREFIX_LENGTH =
      MessageHeaderEncoder.ENCODED_LENGTH
          + NormsEncoder.BLOCK_LENGTH
          + GroupSizeEncodingEncoder.ENCODED_LENGTH;

  /**
   * At this age an answer is sent even if its message has room for more. A reader with a small
   * window may wait for it, while other readers keep this norm busy.
   */
  private static final long MAX_AGE_NANOS = TimeUnit.MILLISECONDS.toNanos(1);

  /** A reader is gone if its inbox could not be found for this time. */
  private static final long GONE_NANOS = TimeUnit.SECONDS.toNanos(1);

  /** A message, and all messages behind it, wait at most this long for the log to its reader. */
  private static final long WAY_NANOS = TimeUnit.SECONDS.toNanos(1);

  private final Outboxes readers;
  private final MessageHeaderEncoder header = new MessageHeaderEncoder();
  private final NormsEncoder message = new NormsEncoder();
  private final BufferClaim claim = new BufferClaim();
  private final int sourceId;
  private final int streamId;
  private long[] sequences = new long[CAPACITY];
  private double[] norms = new double[CAPACITY];
  private int first;
  private int count;
  private long oldestNanos;
  private long lastPresentNanos;
  private long waitingSinceNanos;
  private boolean isWaiting;

  /**
   * No answers yet.
   *
   * @param readers by which the reader's inbox is reached
   */
  Answers(Outboxes readers, int sourceId, int streamId, long nowNanos) {
    this.readers = readers;
    this.sourceId = sourceId;
    this.streamId = streamId;
    this.lastPresentNanos = nowNanos;
  }

  int sourceId() {
    return sourceId;
  }

  int streamId() {
    return streamId;
  }

  /** Whether this many more can wait. */
  boolean hasRoom(int answers) {
    return count + answers <= MAX_CAPACITY;
  }

  /**
   * Whether a message must wait because its reader is there but cannot be reached yet. A message
   * waits for a limited time only, because this norm serves other readers, too. Until then this
   * norm takes almost nothing, and other norms take the rest.
   *
   * @return false if the message is to be taken; {@link #hasWay} says what to do with it
   */
  boolean isToWait(long nowNanos) {
    if (hasWay()) {
      isWaiting = false;
    } else if (!isWaiting) {
      isWaiting = true;
      waitingSinceNanos = nowNanos;
    } else if (nowNanos - waitingSinceNanos >= WAY_NANOS) {
      isWaiting = false;
      return false;
    }
    return isWaiting;
  }

  /**
   * Whether the reader can be reached. Also true if its inbox is not known, or no longer: then it
   * may still turn up, or be gone.
   */
  boolean hasWay() {
    return readers.isConnected(streamId) || !readers.isOpen(streamId);
  }

  /** Keeps an answer until {@link #send}. */
  void add(long sequence, double norm, long nowNanos) {
    if (count == 0) {
      oldestNanos = nowNanos;
    }
    if (count == sequences.length) {
      grow();
    }
    int index = (first + count) & (sequences.length - 1);
    sequences[index] = sequence;
    norms[index] = norm;
    count++;
  }

  /**
   * Sends waiting answers while the reader's inbox has room: full messages and, if it is due, one
   * message with the rest.
   *
   * @param isLast whether no more answers are expected for now
   * @return how many answers were sent
   */
  int send(boolean isLast, long nowNanos) {
    int fewest = isLast || nowNanos - oldestNanos >= MAX_AGE_NANOS ? 1 : PER_MESSAGE;
    int sent = 0;
    while (count >= fewest) {
      int answers = Math.min(count, PER_MESSAGE);
      int length = PREFIX_LENGTH + answers * NormsEncoder.AnswersEncoder.sbeBlockLength();
      if (!readers.tryClaim(streamId, length, claim)) {
        break;
      }
      NormsEncoder.AnswersEncoder group =
          message
              .wrapAndApplyHeader(claim.buffer(), claim.offset(), header)
              .sourceId(sourceId)
              .answersCount(answers);
      for (int i = 0; i < answers; i++) {
        group.next().sequence(sequences[first]).norm(norms[first]);
        first = (first + 1) & (sequences.length - 1);
      }
      claim.commit();
      count -= answers;
      sent += answers;
      oldestNanos = nowNanos;
    }
    return sent;
  }

  /** Whether no answer waits. */
  boolean isEmpty() {
    return count == 0;
  }

  /** Whether the reader is gone, so that no process expects these answers. */
  boolean isGone(long nowNanos) {
    if (readers.isOpen(streamId)) {
      lastPresentNanos = nowNanos;
    }
    return nowNanos - lastPresentNanos > GONE_NANOS;
  }

  private void grow() {
    sequences = larger(sequences, new long[2 * count]);
    norms = larger(norms, new double[2 * count]);
    first = 0;
  }

  /** A full ring's elements in order, with room behind them. */
  @SuppressWarnings("SuspiciousSystemArraycopy") // arrays of the same type
  private <T> T larger(T ring, T larger) {
    System.arraycopy(ring, first, larger, 0, count - first);
    System.arraycopy(ring, 0, larger, count - first, first);
    return larger;
  }
}
