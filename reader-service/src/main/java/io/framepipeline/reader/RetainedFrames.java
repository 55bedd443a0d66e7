package io.framepipeline.reader;

import static io.framepipeline.reader.DeliveryStates.ABANDONED;
import static io.framepipeline.reader.DeliveryStates.DONE;
import static io.framepipeline.reader.DeliveryStates.EXPIRED;
import static io.framepipeline.reader.DeliveryStates.SENT;
import static io.framepipeline.reader.DeliveryStates.UNSENT;

import io.framepipeline.common.metrics.Ledger;
import io.framepipeline.common.transport.FrameSlots;
import io.framepipeline.common.wire.Frames;
import java.nio.ByteBuffer;
import java.util.concurrent.atomic.AtomicLong;
import org.agrona.DirectBuffer;

/**
 * Each frame's way from its reading until it is completed or abandoned. A frame's bytes are in a
 * {@link PayloadRing}, and its {@linkplain DeliveryStates delivery state} outlives the reader.
 *
 * <p>The reading thread fills slots in order and publishes them. The duty cycle does everything
 * else, whichever thread runs it. A slot is free again when its frame's norm is known. If norms are
 * written, a frame is completed when its norm and the norms of all earlier frames are written.
 */
final class RetainedFrames {
  /** Takes abandoned frames. */
  @FunctionalInterface
  interface AbandonedHandler {
    /** The payload is valid during the call only. */
    void onAbandoned(long sequence, DirectBuffer buffer, int offset, int length);
  }

  private static final long NONE = -1;

  private static final int CAPACITY = DeliveryStates.CAPACITY;

  private final ReaderMemory memory;
  private final DeliveryStates states;
  private final int maxDeliveries;
  private final AbandonedHandler onAbandoned;
  private final FrameSlots slots;
  private final PayloadRing payloads;
  private final NormRing norms;
  private final long[] payloadNumbers = new long[CAPACITY];
  private final long[] sentNanos = new long[CAPACITY];
  private final long[] inboxes = new long[CAPACITY];
  private final ExpiredFrames expired;

  /** Frames that the reading thread has published; only that thread writes this. */
  private final AtomicLong published = new AtomicLong();

  /**
   * Frames before this one are closed, so the reading thread may use their place. Only the duty
   * cycle writes this.
   */
  private final AtomicLong closed = new AtomicLong();

  private long first;

  /** Frames before this one are all done. */
  private long done;

  private long read;
  private long unsent;
  private long acknowledged;
  private long inFlight;
  private long abandoned;
  private long closedAbandoned;
  private long returned;
  private long redelivered;
  private long duplicates;
  private long unwritten;

  /**
   * Goes on with what the memory holds: nothing, or the frames of a dead reader. What that had sent
   * and not seen answered has expired, and no frame is to blame.
   *
   * @param slots one for each frame of the window, with the payloads of those frames
   * @param maxDeliveries a frame is abandoned after this many expired deliveries with blame
   * @param norms where norms wait to be written; null if they are not written
   */
  RetainedFrames(
      ReaderMemory memory,
      FrameSlots slots,
      int maxDeliveries,
      AbandonedHandler onAbandoned,
      NormRing norms) {
    this.memory = memory;
    this.states = memory.states;
    this.expired = new ExpiredFrames(states);
    this.slots = slots;
    this.payloads = new PayloadRing(slots);
    this.maxDeliveries = maxDeliveries;
    this.onAbandoned = onAbandoned;
    this.norms = norms;
    goOn();
  }

  private void goOn() {
    done = memory.closing.get(ReaderMemory.CLOSED);
    closedAbandoned = memory.closing.get(ReaderMemory.CLOSED_ABANDONED);
    redelivered = memory.closing.get(ReaderMemory.REDELIVERED);
    acknowledged = done - closedAbandoned;
    abandoned = closedAbandoned;
    closed.setPlain(done);
    unsent = done;
    read = memory.input.position() / Frames.BYTE_PAYLOAD_LENGTH;
    first = read;
    published.setPlain(read);
    for (long sequence = done; sequence < read; sequence++) {
      if (!states.holds(sequence)) {
        // The dead reader had read the frame, but had not put it in yet.
        long number = memory.input.payloadOf(sequence);
        slots.written(number);
        states.add(sequence, payloads.slot(number), System.nanoTime());
      }
      take(sequence);
    }
    payloads.goOn(memory.input.payloadOf(read), read - (inFlight - unwritten));
    while (done < unsent && states.isFinal(done)) {
      done++;
    }
    if (norms != null) {
      norms.known(done);
    }
  }

  private void take(long sequence) {
    int state = states.state(sequence);
    if (state == ABANDONED) {
      abandoned++;
    } else if (state == DONE && norms == null) {
      acknowledged++;
    } else {
      inFlight++;
    }
    if (state == DONE && norms != null) {
      unwritten++;
    }
    if (state < DONE) {
      payloadNumbers[index(sequence)] = payloads.keep(states.slot(sequence));
    }
    if (state == SENT || state == EXPIRED) {
      inboxes[index(sequence)] = NONE;
      markExpired(sequence);
    }
    if (state != UNSENT) {
      unsent = sequence + 1;
    }
  }

  // ---- the reading thread ----

  /** How many frames there is room for at once. */
  int window() {
    return payloads.count();
  }

  /**
   * How many bytes can be written without a gap from this byte of the input on. At most a batch of
   * frames; 0 if there is no room.
   */
  int writableBytes(long inputPosition) {
    long places = closed.getAcquire() + CAPACITY - published.getPlain();
    int frames = payloads.writable((int) Math.min(places, Frames.BATCH_FRAMES));
    return Math.max(0, frames * Frames.BYTE_PAYLOAD_LENGTH - offsetInFrame(inputPosition));
  }

  /** Where to write the input's bytes from this one on; the same buffer each time. */
  ByteBuffer writable(long inputPosition, int length) {
    memory.input.willWriteAt(payloads.next() - published.getPlain());
    return payloads.writable(offsetInFrame(inputPosition), length);
  }

  /** Publishes every frame that is complete, given the number of input bytes so far. */
  void publish(long inputPosition, long nowNanos) {
    memory.input.advance(inputPosition);
    long complete = inputPosition / Frames.BYTE_PAYLOAD_LENGTH;
    for (long sequence = published.getPlain(); sequence < complete; sequence++) {
      long number = payloads.written();
      payloadNumbers[index(sequence)] = number;
      states.add(sequence, payloads.slot(number), nowNanos);
    }
    published.setRelease(complete);
  }

  /** The first frame that is not closed: the frames before it are completed or abandoned. */
  long closed() {
    return closed.getAcquire();
  }

  private static int offsetInFrame(long inputPosition) {
    return (int) (inputPosition % Frames.BYTE_PAYLOAD_LENGTH);
  }

  // ---- the duty cycle ----

  /** Whether the reading thread may be waiting for room for its next read. */
  boolean isFull() {
    long frames = published.getAcquire();
    return frames - payloads.doneCount() > payloads.count() - Frames.BATCH_FRAMES
        || frames - closed.getPlain() > CAPACITY - Frames.BATCH_FRAMES;
  }

  /** Takes newly published frames into the delivery state; returns how many. */
  int takeOver() {
    long complete = published.getAcquire();
    int taken = (int) (complete - read);
    read = complete;
    inFlight += taken;
    return taken;
  }

  /**
   * The frame to send next: expired frames first, oldest first.
   *
   * @return its sequence, or -1 if there is none
   */
  long nextToSend() {
    long again = expired.next(done, unsent);
    if (again != NONE) {
      return again;
    }
    return unsent < read ? unsent : NONE;
  }

  /**
   * How many frames go in one message, from the next frame to send on. One read completed them, and
   * they lie side by side. An expired frame goes alone, to protect the others: it may have killed
   * the process that had it.
   */
  int batchLength(long sequence) {
    if (states.state(sequence) == EXPIRED) {
      return 1;
    }
    long end = Math.min(read, sequence + Frames.BATCH_FRAMES);
    long next = sequence + 1;
    long payloadsAhead = payloadNumber(sequence) - sequence;
    while (next < end
        && originNanos(next) == originNanos(sequence)
        && payloadNumber(next) - next == payloadsAhead) {
      next++;
    }
    return (int) (next - sequence);
  }

  /**
   * The inbox that should not get this frame if another can take it: the frame went there, and its
   * answer did not come in time. That instance may take frames and do nothing with them.
   *
   * @return -1 if there is none
   */
  long inboxToAvoid(long sequence) {
    return states.state(sequence) == EXPIRED ? inboxes[index(sequence)] : NONE;
  }

  /** Notes that a frame went to an inbox. */
  void sent(long sequence, long inbox, long nowNanos) {
    int index = index(sequence);
    if (states.state(sequence) == EXPIRED) {
      expired.sent(sequence);
      redelivered++;
    } else {
      unsent = sequence + 1;
    }
    states.setState(sequence, SENT);
    inboxes[index] = inbox;
    sentNanos[index] = nowNanos;
  }

  /**
   * Takes a frame's norm.
   *
   * @return false if it changes nothing: the frame is done already, which counts as a duplicate, or
   *     was never sent
   */
  boolean answered(long sequence, double norm) {
    if (sequence < 0 || sequence >= unsent) {
      return false;
    }
    if (sequence < done || states.isFinal(sequence)) {
      duplicates++;
      return false;
    }
    if (states.state(sequence) == EXPIRED) {
      expired.remove(sequence);
    }
    if (norms == null) {
      acknowledged++;
      inFlight--;
    } else {
      unwritten++;
    }
    finish(sequence, DONE, norm);
    return true;
  }

  /**
   * Closes the frames whose norms have been written, or which went back to the source; if norms are
   * not written, those that are done.
   */
  void closeFrames() {
    long sequence = closed.getPlain();
    long end = norms == null ? done : norms.written();
    if (sequence == end) {
      return;
    }
    for (; sequence < end; sequence++) {
      if (states.state(sequence) == ABANDONED) {
        closedAbandoned++;
      } else if (norms != null) {
        if (norms.isReturned(sequence)) {
          returned++;
        } else {
          acknowledged++;
        }
        inFlight--;
        unwritten--;
      }
    }
    memory.closing.put(ReaderMemory.CLOSED, end);
    memory.closing.put(ReaderMemory.CLOSED_ABANDONED, closedAbandoned);
    memory.closing.put(ReaderMemory.REDELIVERED, redelivered);
    memory.closing.commit();
    // From now on the reading thread may use their places.
    closed.setRelease(end);
  }

  /**
   * Expires and blames what went to an inbox that is gone, if it is not answered; returns how many.
   */
  int expireSentTo(long inbox) {
    int count = 0;
    for (long sequence = done; sequence < unsent; sequence++) {
      int index = index(sequence);
      if (states.state(sequence) == SENT && inboxes[index] == inbox) {
        inboxes[index] = NONE;
        expire(sequence);
        count++;
      }
    }
    return count;
  }

  /**
   * Expires and blames what was sent before this moment and is not answered. The cause lies beyond
   * the inboxes to which the frames went. Returns how many.
   */
  int expireSentBefore(long nanos) {
    int count = 0;
    for (long sequence = done; sequence < unsent; sequence++) {
      int index = index(sequence);
      if (states.state(sequence) == SENT && sentNanos[index] - nanos < 0) {
        inboxes[index] = NONE;
        expire(sequence);
        count++;
      }
    }
    return count;
  }

  /** Expires everything that was sent, since the driver is gone. No frame is to blame. */
  void expireEverything() {
    for (long sequence = done; sequence < unsent; sequence++) {
      if (states.state(sequence) == SENT) {
        inboxes[index(sequence)] = NONE;
        markExpired(sequence);
      }
    }
  }

  /**
   * Expires frames that were sent before this moment, oldest first.
   *
   * @param limit the most frames to expire
   * @param blame whether this counts towards abandonment
   * @return how many
   */
  int expireOverdue(long nanos, int limit, boolean blame) {
    int count = 0;
    for (long sequence = done; sequence < unsent && count < limit; sequence++) {
      if (states.state(sequence) == SENT && sentNanos[index(sequence)] - nanos < 0) {
        count++;
        if (blame) {
          expire(sequence);
        } else {
          markExpired(sequence);
        }
      }
    }
    return count;
  }

  /** Publishes the figures of this moment. */
  void publish(Ledger ledger) {
    ledger.write(read, acknowledged, inFlight, abandoned, returned, redelivered);
  }

  /** When a frame in flight was last sent. */
  long sentNanos(long sequence) {
    return sentNanos[index(sequence)];
  }

  long payloadNumber(long sequence) {
    return payloadNumbers[index(sequence)];
  }

  /** When a frame in flight was completely read. */
  long originNanos(long sequence) {
    return states.originNanos(sequence);
  }

  /** The first frame that this reader itself has read, or will read. */
  long first() {
    return first;
  }

  /** Frames taken over from the reading thread. */
  long read() {
    return read;
  }

  /** Frames whose norm came back and, if norms are written, is written; each counted once. */
  long acknowledged() {
    return acknowledged;
  }

  /** Frames that went back to the source, for another reader to compute. */
  long returned() {
    return returned;
  }

  /** Frames neither completed nor abandoned nor returned. */
  long inFlight() {
    return inFlight;
  }

  long abandoned() {
    return abandoned;
  }

  /** Deliveries beyond each frame's first. */
  long redelivered() {
    return redelivered;
  }

  /** Frames in flight whose norm is known and waits to be written. */
  long unwritten() {
    return unwritten;
  }

  /** Answers for frames that were done already. */
  long duplicates() {
    return duplicates;
  }

  private void expire(long sequence) {
    if (states.blames(sequence) + 1 < maxDeliveries) {
      states.expireWithBlame(sequence);
      expired.add(sequence);
    } else {
      try {
        int offset = slots.offset(payloadNumber(sequence));
        onAbandoned.onAbandoned(sequence, slots.buffer(), offset, Frames.BYTE_PAYLOAD_LENGTH);
      } finally {
        // After the handler: once the frame is finished, the reading thread may overwrite its
        // bytes.
        abandoned++;
        inFlight--;
        finish(sequence, ABANDONED, Double.NaN);
      }
    }
  }

  private void markExpired(long sequence) {
    states.setState(sequence, EXPIRED);
    expired.add(sequence);
  }

  private void finish(long sequence, int state, double norm) {
    if (norms != null) {
      memory.setNorm(sequence, norm);
    }
    states.setState(sequence, state);
    payloads.done(payloadNumbers[index(sequence)]);
    if (sequence == done) {
      do {
        done++;
      } while (done < unsent && states.isFinal(done));
      if (norms != null) {
        norms.known(done);
      }
    }
  }

  private static int index(long sequence) {
    return (int) sequence & (CAPACITY - 1);
  }
}
