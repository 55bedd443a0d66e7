package io.framepipeline.reader;

import io.framepipeline.common.transport.FrameSlots;
import io.framepipeline.common.wire.Frames;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicLongArray;

/**
 * The slots into which the reading thread writes frames. It uses the slots in turn, and skips those
 * whose frames are not done. So a frame that takes long keeps its own slot, and no other. A payload
 * number counts the slots passed, used or skipped. So no number is used twice, and number n is in
 * slot {@code n mod count}.
 */
final class PayloadRing {
  private final FrameSlots slots;

  /** The last payload of each slot; used by the reading thread only. */
  private final long[] written;

  /** The last payload of each slot whose frame is done; written by the duty cycle. */
  private final AtomicLongArray done;

  private final AtomicLong doneCount = new AtomicLong();
  private long writtenCount;

  /** The payload to write next. */
  private long next;

  PayloadRing(FrameSlots slots) {
    this.slots = slots;
    this.written = new long[slots.count()];
    Arrays.fill(written, -1);
    this.done = new AtomicLongArray(written);
  }

  // ---- at the start, in place of a dead reader ----

  /** Keeps the payload in a slot, whose frame is not done; returns its number. */
  long keep(int slot) {
    written[slot] = slots.numberIn(slot);
    writtenCount++;
    return written[slot];
  }

  /**
   * Goes on with the next payload, which may be written in part.
   *
   * @param finished how many payloads have freed their slots so far
   */
  void goOn(long number, long finished) {
    next = number;
    writtenCount += finished;
    doneCount.setPlain(finished);
  }

  // ---- the reading thread ----

  /**
   * How many payloads can be written side by side, from the next one on.
   *
   * @param limit the most to return
   */
  int writable(int limit) {
    if (writtenCount - doneCount.getAcquire() == slots.count()) {
      return 0;
    }
    while (!isFree(next)) {
      next++;
    }
    int end = Math.min(limit, slots.count() - slot(next));
    int count = 0;
    while (count < end && isFree(next + count)) {
      count++;
    }
    return count;
  }

  /**
   * Returns the memory to write to.
   *
   * @param offset counted from the first byte of the next payload
   * @return the same buffer each time
   */
  ByteBuffer writable(int offset, int length) {
    int count = Math.ceilDiv(offset + length, Frames.BYTE_PAYLOAD_LENGTH);
    for (int i = 0; i < count; i++) {
      slots.beginWriting(next + i);
    }
    int start = slots.offset(next) + offset;
    return slots.memory().limit(start + length).position(start);
  }

  /** The number of the payload to write next. */
  long next() {
    return next;
  }

  /** Notes that the next payload is complete; returns its number. */
  long written() {
    long number = next++;
    written[slot(number)] = number;
    writtenCount++;
    slots.written(number);
    return number;
  }

  private boolean isFree(long number) {
    int slot = slot(number);
    return done.getAcquire(slot) == written[slot];
  }

  // ---- the duty cycle ----

  /** Frees a payload's slot. */
  void done(long number) {
    done.setRelease(slot(number), number);
    doneCount.setRelease(doneCount.getPlain() + 1);
  }

  /** How many payloads have freed their slots so far. */
  long doneCount() {
    return doneCount.getPlain();
  }

  // ---- both ----

  /** How many payloads there is room for at once. */
  int count() {
    return slots.count();
  }

  /** The slot of a payload. */
  int slot(long number) {
    return (int) number & (slots.count() - 1);
  }
}
