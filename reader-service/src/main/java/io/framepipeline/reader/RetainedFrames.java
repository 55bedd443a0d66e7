package io.framepipeline.reader;

import io.framepipeline.common.frame.FrameSlots;
import io.framepipeline.common.frame.Frames;
import java.nio.ByteBuffer;
import java.util.concurrent.atomic.AtomicLong;
import org.agrona.DirectBuffer;

/**
 * The ring in which every frame stays from being read until it is acknowledged or abandoned, and
 * the books of what became of each. Sequence {@code s} lives in slot {@code s mod window}, so no
 * two frames in flight are a window or more apart, which is what lets the norm stage recognise
 * repeats with a bounded bitmap.
 *
 * <p>The source's thread fills slots, in order, and publishes them; the duty cycle does everything
 * else, whichever thread runs it. A slot is free again when its frame and all before it are done.
 */
final class RetainedFrames {
  /** Takes what is given up. */
  @FunctionalInterface
  interface AbandonedHandler {
    /** The payload is valid during the call only. */
    void onAbandoned(long sequence, DirectBuffer buffer, int offset, int length);
  }

  /**
   * From this many losses on a frame is suspected of killing whoever takes it, and travels alone.
   */
  private static final int SUSPECT_LOSSES = 2;

  private static final long NONE = -1;

  private static final byte UNSENT = 0;
  private static final byte SENT = 1;
  private static final byte LOST = 2;
  private static final byte DONE = 3;

  private final int windowFrames;
  private final int slotMask;
  private final int maxDeliveries;
  private final AbandonedHandler onAbandoned;
  private final FrameSlots slots;
  private final long[] originNanos;
  private final long[] sentNanos;
  private final long[] inboxes;
  private final int[] losses;
  private final byte[] states;

  /** Frames the source has published; written by its thread. */
  private final AtomicLong published = new AtomicLong();

  /** Frames before this one are all done and their slots free; written by the duty cycle. */
  private final AtomicLong released = new AtomicLong();

  private long read;
  private long unsent;
  private long acknowledged;
  private long inFlight;
  private long abandoned;
  private long redelivered;

  private int lostCount;
  private long lostCursor;
  private long suspect = NONE;

  /**
   * @param slots for as many frames as the window has
   * @param maxDeliveries deliveries after whose loss a frame is abandoned
   */
  RetainedFrames(FrameSlots slots, int maxDeliveries, AbandonedHandler onAbandoned) {
    this.slots = slots;
    this.windowFrames = slots.count();
    this.slotMask = windowFrames - 1;
    this.maxDeliveries = maxDeliveries;
    this.onAbandoned = onAbandoned;
    this.originNanos = new long[windowFrames];
    this.sentNanos = new long[windowFrames];
    this.inboxes = new long[windowFrames];
    this.losses = new int[windowFrames];
    this.states = new byte[windowFrames];
  }

  // ---- the source's thread ----

  /**
   * Bytes that can be written from this byte of the input on, without a gap; 0 if the ring is full.
   */
  int writableBytes(long inputPosition) {
    long end = (released.getAcquire() + windowFrames) * Frames.BYTE_PAYLOAD_LENGTH;
    int untilWrap = ringLength() - ringOffset(inputPosition);
    return (int) Math.min(end - inputPosition, untilWrap);
  }

  /** Where to write the input's bytes from this one on; the same buffer each time. */
  ByteBuffer writable(long inputPosition, int length) {
    long end = inputPosition + length;
    for (long sequence = inputPosition / Frames.BYTE_PAYLOAD_LENGTH;
        sequence * Frames.BYTE_PAYLOAD_LENGTH < end;
        sequence++) {
      slots.beginWriting(sequence);
    }
    int offset = ringOffset(inputPosition);
    return slots.memory().limit(offset + length).position(offset);
  }

  /** Hands over every frame that is complete, given how many bytes of the input there are. */
  void publish(long inputPosition, long nowNanos) {
    long complete = inputPosition / Frames.BYTE_PAYLOAD_LENGTH;
    for (long sequence = published.getPlain(); sequence < complete; sequence++) {
      originNanos[slot(sequence)] = nowNanos;
      slots.written(sequence);
    }
    published.setRelease(complete);
  }

  private int ringOffset(long inputPosition) {
    return (int) (inputPosition & (ringLength() - 1));
  }

  private int ringLength() {
    return windowFrames * Frames.BYTE_PAYLOAD_LENGTH;
  }

  // ---- the duty cycle ----

  /** Whether the source may wait for room for its next read. */
  boolean isFull() {
    return published.getAcquire() - released.getPlain() > windowFrames - Frames.RUN_FRAMES;
  }

  /** Takes newly published frames into the books; returns how many. */
  int takeOver() {
    long complete = published.getAcquire();
    int taken = (int) (complete - read);
    for (; read < complete; read++) {
      int slot = slot(read);
      states[slot] = UNSENT;
      losses[slot] = 0;
    }
    inFlight += taken;
    return taken;
  }

  /**
   * The frame to send next: lost ones first, oldest first.
   *
   * @return its sequence, or -1 if there is none
   */
  long nextToSend() {
    if (lostCount > 0) {
      long lost = nextLost();
      if (lost != NONE) {
        return lost;
      }
    }
    return unsent < read ? unsent : NONE;
  }

  /**
   * How many frames, from the one that is next to send on, go in one message: those that were read
   * at once. A lost one goes alone, for the sake of the others: it may have been what killed the
   * one who had it.
   */
  int runLength(long sequence) {
    if (states[slot(sequence)] == LOST) {
      return 1;
    }
    long end = Math.min(read, sequence + Frames.RUN_FRAMES);
    long next = sequence + 1;
    while (next < end && originNanos(next) == originNanos(sequence)) {
      next++;
    }
    return (int) (next - sequence);
  }

  /**
   * The inbox that a frame had better not go to, if there is another way: one from which it did not
   * come back in time. There may be an instance that takes frames and does nothing with them.
   *
   * @return -1 if there is none
   */
  long inboxToAvoid(long sequence) {
    int slot = slot(sequence);
    return states[slot] == LOST ? inboxes[slot] : NONE;
  }

  /** Notes that a frame went to an inbox. */
  void sent(long sequence, long inbox, long nowNanos) {
    int slot = slot(sequence);
    if (states[slot] == LOST) {
      lostCount--;
      lostCursor = sequence + 1;
      redelivered++;
      if (losses[slot] >= SUSPECT_LOSSES) {
        suspect = sequence;
      }
    } else {
      unsent = sequence + 1;
    }
    states[slot] = SENT;
    inboxes[slot] = inbox;
    sentNanos[slot] = nowNanos;
  }

  /**
   * Notes an acknowledgement.
   *
   * @return false if it changes nothing: the frame is done already, or was never sent
   */
  boolean acknowledge(long sequence) {
    if (sequence < released.getPlain() || sequence >= unsent) {
      return false;
    }
    int slot = slot(sequence);
    if (states[slot] == DONE) {
      return false;
    }
    if (states[slot] == LOST) {
      lostCount--;
    }
    acknowledged++;
    finish(sequence);
    return true;
  }

  /** An inbox is gone: what went there and is not acknowledged is lost; returns how many. */
  int inboxLost(long inbox) {
    int count = 0;
    for (long sequence = released.getPlain(); sequence < unsent; sequence++) {
      int slot = slot(sequence);
      if (states[slot] == SENT && inboxes[slot] == inbox) {
        inboxes[slot] = NONE;
        lose(sequence);
        count++;
      }
    }
    return count;
  }

  /**
   * What was sent before this moment and is not acknowledged is lost, for a reason that lies beyond
   * the inboxes it went to; returns how many.
   */
  int sentBeforeLost(long nanos) {
    int count = 0;
    for (long sequence = released.getPlain(); sequence < unsent; sequence++) {
      int slot = slot(sequence);
      if (states[slot] == SENT && sentNanos[slot] - nanos < 0) {
        inboxes[slot] = NONE;
        lose(sequence);
        count++;
      }
    }
    return count;
  }

  /** The driver is gone, and with it everything that was sent. No frame's fault: none is blamed. */
  void everythingSentLost() {
    for (long sequence = released.getPlain(); sequence < unsent; sequence++) {
      if (states[slot(sequence)] == SENT) {
        inboxes[slot(sequence)] = NONE;
        markLost(sequence);
      }
    }
  }

  /**
   * Loses frames that were sent before this moment, oldest first.
   *
   * @param limit at most so many
   * @param blame whether this counts towards abandonment
   * @return how many
   */
  int overdueLost(long nanos, int limit, boolean blame) {
    int count = 0;
    for (long sequence = released.getPlain(); sequence < unsent && count < limit; sequence++) {
      int slot = slot(sequence);
      if (states[slot] == SENT && sentNanos[slot] - nanos < 0) {
        count++;
        if (blame) {
          lose(sequence);
        } else {
          markLost(sequence);
        }
      }
    }
    return count;
  }

  /** When a frame in flight was last sent. */
  long sentNanos(long sequence) {
    return sentNanos[slot(sequence)];
  }

  /** When a frame in flight was completely read. */
  long originNanos(long sequence) {
    return originNanos[slot(sequence)];
  }

  /** Frames taken over from the source. */
  long read() {
    return read;
  }

  /** Frames whose acknowledgement came, each counted once. */
  long acknowledged() {
    return acknowledged;
  }

  /** Frames neither acknowledged nor abandoned. */
  long inFlight() {
    return inFlight;
  }

  /** Frames given up. */
  long abandoned() {
    return abandoned;
  }

  /** Deliveries beyond each frame's first. */
  long redelivered() {
    return redelivered;
  }

  private long nextLost() {
    if (lostCursor < released.getPlain()) {
      lostCursor = released.getPlain();
    }
    boolean suspectIsOut = suspect >= released.getPlain() && states[slot(suspect)] == SENT;
    for (long sequence = lostCursor; sequence < unsent; sequence++) {
      int slot = slot(sequence);
      if (states[slot] == LOST && (losses[slot] < SUSPECT_LOSSES || !suspectIsOut)) {
        lostCursor = sequence;
        return sequence;
      }
    }
    // Those that are left wait for the suspect that is out; look from the start again then.
    lostCursor = released.getPlain();
    return NONE;
  }

  private void lose(long sequence) {
    int slot = slot(sequence);
    if (++losses[slot] < maxDeliveries) {
      markLost(sequence);
    } else {
      try {
        onAbandoned.onAbandoned(
            sequence, slots.buffer(), slots.offset(sequence), Frames.BYTE_PAYLOAD_LENGTH);
      } finally {
        // After the handler: once the frame is finished, the source may write over its bytes.
        abandoned++;
        finish(sequence);
      }
    }
  }

  private void markLost(long sequence) {
    states[slot(sequence)] = LOST;
    lostCount++;
    lostCursor = Math.min(lostCursor, sequence);
  }

  private void finish(long sequence) {
    inFlight--;
    states[slot(sequence)] = DONE;
    long release = released.getPlain();
    if (sequence == release) {
      do {
        release++;
      } while (release < unsent && states[slot(release)] == DONE);
      released.setRelease(release);
    }
  }

  private int slot(long sequence) {
    return (int) sequence & slotMask;
  }
}
