package io.framepipeline.reader;

import io.framepipeline.common.transport.FrameSlots;
import io.framepipeline.common.wire.Frames;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.agrona.DirectBuffer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * Random interleavings of everything that can happen to the ring, each step compared with a plain
 * model. A failure shows the seed and every operation that led to it.
 */
@Timeout(300)
class RetainedFramesModelTest {
  private static final int SEEDS = 5_000;
  private static final int STEPS = 250;
  private static final int INBOXES = 3;

  /** From so many losses on a frame is out only while no other such frame is. */
  private static final int SUSPECT_EXPIRIES = 2;

  @Test
  void shouldAgreeWithAPlainModelWhateverHappensInWhateverOrder() {
    for (int seed = 0; seed < SEEDS; seed++) {
      Run run = new Run(seed);
      try {
        run.run();
      } catch (AssertionError | RuntimeException e) {
        throw new AssertionError(
            "seed %s, window %s, %s deliveries: %s%n%s"
                .formatted(
                    seed,
                    run.windowFrames,
                    run.maxDeliveries,
                    e.getMessage(),
                    String.join(System.lineSeparator(), run.log)),
            e);
      }
    }
  }

  private enum State {
    UNSENT,
    SENT,
    LOST
  }

  private static final class Frame {
    final long originNanos;
    final long payloadNumber;
    State state = State.UNSENT;
    int losses;
    int inbox;
    long sentNanos;

    Frame(long originNanos, long payloadNumber) {
      this.originNanos = originNanos;
      this.payloadNumber = payloadNumber;
    }
  }

  /** One seed's interleaving: the ring, the model, and what was done to both. */
  private static final class Run {
    final List<String> log = new ArrayList<>();
    final int windowFrames;
    final int maxDeliveries;
    final Random random;
    final FrameSlots slots;

    /** Null if norms are not written. */
    final NormRing norms;

    final RetainedFrames ring;

    /** Frames in flight by sequence; what is not here, and has been read, is done. */
    final TreeMap<Long, Frame> inFlight = new TreeMap<>();

    /** Published, not yet taken over, in order. */
    final List<Frame> published = new ArrayList<>();

    /** By slot: whether its frame is not done. */
    final boolean[] isTaken;

    /** What the norms of frames that are done must be, by sequence, until they are written. */
    final TreeMap<Long, Double> unwritten = new TreeMap<>();

    /** The same, until the ring has noticed that they were. */
    final TreeMap<Long, Double> unnoticed = new TreeMap<>();

    final List<Long> abandoned = new ArrayList<>();
    final List<Long> abandonedByRing = new ArrayList<>();
    long inputPosition;
    long nextPayload;
    long written;
    long read;
    long unsent;
    long acknowledged;
    long redelivered;
    long duplicates;
    long nowNanos;

    Run(int seed) {
      random = new Random(seed);
      windowFrames = 16 << random.nextInt(3);
      maxDeliveries = 1 + random.nextInt(6);
      // Clocks may start anywhere, so that comparisons that overflow would be noticed.
      nowNanos = random.nextBoolean() ? Long.MAX_VALUE - random.nextInt(1_000) : random.nextLong();
      slots = FrameSlots.inMemory(windowFrames, Frames.BYTE_PAYLOAD_LENGTH);
      isTaken = new boolean[windowFrames];
      ReaderMemory memory = ReaderMemory.ofProcess();
      norms = random.nextBoolean() ? new NormRing(memory) : null;
      ring = new RetainedFrames(memory, slots, maxDeliveries, this::onAbandoned, norms);
    }

    void run() {
      for (int step = 0; step < STEPS; step++) {
        nowNanos += random.nextInt(5);
        step();
        compare();
      }
      takeOver();
      drain();
      fillAndDrain();
    }

    private void step() {
      switch (random.nextInt(23)) {
        case 0, 1, 2, 3 ->
            publish(random.nextInt(6 * Frames.BYTE_PAYLOAD_LENGTH) / (1 + random.nextInt(4)));
        case 4, 5 -> takeOver();
        case 6, 7, 8, 9, 10 -> send(1 + random.nextInt(8));
        case 11, 12, 13 -> acknowledgeInFlight(1 + random.nextInt(8));
        case 14 -> acknowledge(read - windowFrames - 2 + random.nextInt(2 * windowFrames + 4));
        case 15 -> acknowledge(random.nextBoolean() ? random.nextLong() : -1);
        case 16 -> expireSentTo(random.nextInt(INBOXES));
        case 17 -> expireSentBefore(nowNanos - random.nextInt(40));
        case 18 ->
            expireOverdue(nowNanos - random.nextInt(80), random.nextInt(5), random.nextBoolean());
        case 19, 20 -> write(random.nextInt(8));
        case 21 -> closeFrames();
        default -> {
          if (random.nextInt(3) == 0) {
            expireEverything();
          }
        }
      }
    }

    private void publish(int bytes) {
      int length = (int) Math.min(bytes, room());
      check(ring.writableBytes(inputPosition) >= length, "less than %d bytes writable", length);
      log.add("publish " + length + " bytes from " + inputPosition);
      ByteBuffer to = ring.writable(inputPosition, length);
      check(to.remaining() == length, "room for %d bytes, not %d", length, to.remaining());
      FramePattern.read(inputPosition, to);
      long position = inputPosition + length;
      for (long complete = inputPosition / Frames.BYTE_PAYLOAD_LENGTH;
          complete < position / Frames.BYTE_PAYLOAD_LENGTH;
          complete++) {
        published.add(new Frame(nowNanos, nextPayload));
        isTaken[slot(nextPayload++)] = true;
      }
      inputPosition = position;
      ring.publish(inputPosition, nowNanos);
    }

    private void takeOver() {
      log.add("takeOver");
      int taken = ring.takeOver();
      check(taken == published.size(), "%d taken over, not %d", taken, published.size());
      for (Frame frame : published) {
        inFlight.put(read++, frame);
      }
      published.clear();
    }

    private void send(int limit) {
      for (int i = 0; i < limit; i++) {
        boolean isAnyLost =
            inFlight.values().stream()
                .anyMatch(frame -> frame.state == State.LOST && maySend(frame));
        long sequence = ring.nextToSend();
        if (isAnyLost && !isLost(sequence)) {
          // Having gone through the lost ones it starts again from the oldest, one call later.
          sequence = ring.nextToSend();
          check(isLost(sequence), "%d is next, but there is a lost one to send", sequence);
        }
        if (sequence < 0) {
          check(unsent == read, "nothing is next, but %d is unsent", unsent);
          return;
        }
        Frame frame = inFlight.get(sequence);
        check(frame != null && frame.state != State.SENT, "%d is next", sequence);
        check(maySend(frame), "%d is next, but another suspect is out", sequence);
        if (frame.state == State.LOST) {
          redelivered++;
        } else {
          check(sequence == unsent, "%d is next, not %d", sequence, unsent);
          unsent++;
        }
        frame.state = State.SENT;
        frame.inbox = random.nextInt(INBOXES);
        frame.sentNanos = nowNanos;
        log.add("sent " + sequence + " to " + frame.inbox + " at " + nowNanos);
        ring.sent(sequence, frame.inbox, nowNanos);
      }
    }

    private boolean isLost(long sequence) {
      Frame frame = inFlight.get(sequence);
      return frame != null && frame.state == State.LOST;
    }

    private boolean maySend(Frame candidate) {
      return candidate.losses < SUSPECT_EXPIRIES
          || inFlight.values().stream()
              .noneMatch(frame -> frame.state == State.SENT && frame.losses >= SUSPECT_EXPIRIES);
    }

    private void acknowledgeInFlight(int count) {
      for (int i = 0; i < count && !inFlight.isEmpty(); i++) {
        Long[] sequences = inFlight.keySet().toArray(Long[]::new);
        acknowledge(sequences[random.nextInt(sequences.length)]);
      }
    }

    private void acknowledge(long sequence) {
      log.add("acknowledge " + sequence);
      Frame frame = inFlight.get(sequence);
      boolean expected = frame != null && frame.state != State.UNSENT;
      double norm = random.nextDouble();
      if (expected) {
        finish(sequence, norm);
        acknowledged += norms == null ? 1 : 0;
      } else if (sequence >= 0 && sequence < unsent) {
        duplicates++;
      }
      check(ring.answered(sequence, norm) == expected, "answer is not %b", expected);
      if (expected) {
        check(!ring.answered(sequence, -1), "a repeated answer counts");
        duplicates++;
      }
    }

    private void finish(long sequence, double norm) {
      isTaken[slot(inFlight.remove(sequence).payloadNumber)] = false;
      if (norms != null) {
        unwritten.put(sequence, norm);
      }
    }

    /** Does what the thread does that writes norms. */
    private void write(int limit) {
      if (norms == null) {
        return;
      }
      log.add("write " + limit);
      long known = inFlight.isEmpty() ? read : inFlight.firstKey();
      check(norms.known() == known, "%d norms known, not %d", norms.known(), known);
      for (int i = 0; i < limit && written < known; i++) {
        double expected = unwritten.remove(written);
        double norm = norms.norm(written);
        check(Double.compare(norm, expected) == 0, "%f of %d, not %f", norm, written, expected);
        unnoticed.put(written, norm);
        norms.written(++written);
      }
    }

    private void closeFrames() {
      log.add("takeWritten");
      ring.closeFrames();
      acknowledged += unnoticed.values().stream().filter(norm -> !norm.isNaN()).count();
      unnoticed.clear();
    }

    private void expireSentTo(int inbox) {
      log.add("expireSentTo " + inbox);
      for (long sequence : sent()) {
        if (inFlight.get(sequence).inbox == inbox) {
          lose(sequence, true);
        }
      }
      ring.expireSentTo(inbox);
    }

    private void expireSentBefore(long nanos) {
      log.add("expireSentBefore " + nanos);
      for (long sequence : sent()) {
        if (inFlight.get(sequence).sentNanos - nanos < 0) {
          lose(sequence, true);
        }
      }
      ring.expireSentBefore(nanos);
    }

    private void expireOverdue(long nanos, int limit, boolean blame) {
      log.add("expireOverdue " + nanos + " " + limit + " " + blame);
      int count = 0;
      for (long sequence : sent()) {
        if (count < limit && inFlight.get(sequence).sentNanos - nanos < 0) {
          lose(sequence, blame);
          count++;
        }
      }
      int lost = ring.expireOverdue(nanos, limit, blame);
      check(lost == count, "%d overdue, not %d", lost, count);
    }

    private void expireEverything() {
      log.add("expireEverything");
      for (long sequence : sent()) {
        lose(sequence, false);
      }
      ring.expireEverything();
    }

    private List<Long> sent() {
      return inFlight.keySet().stream()
          .filter(sequence -> inFlight.get(sequence).state == State.SENT)
          .toList();
    }

    private void lose(long sequence, boolean blame) {
      Frame frame = inFlight.get(sequence);
      frame.state = State.LOST;
      if (blame && ++frame.losses == maxDeliveries) {
        finish(sequence, Double.NaN);
        abandoned.add(sequence);
      }
    }

    private void onAbandoned(long sequence, DirectBuffer buffer, int offset, int length) {
      check(length == Frames.BYTE_PAYLOAD_LENGTH, "%d bytes are abandoned", length);
      RetainedFramesModelTest.checkPayload(sequence, buffer, offset);
      abandonedByRing.add(sequence);
    }

    private void compare() {
      check(
          ring.read() == ring.acknowledged() + ring.inFlight() + ring.abandoned(),
          "%d read, but %d acknowledged, %d in flight, %d abandoned",
          ring.read(),
          ring.acknowledged(),
          ring.inFlight(),
          ring.abandoned());
      check(ring.read() == read, "%d read, not %d", ring.read(), read);
      check(ring.acknowledged() == acknowledged, "%d acknowledged", ring.acknowledged());
      long answered =
          Stream.concat(unwritten.values().stream(), unnoticed.values().stream())
              .filter(norm -> !norm.isNaN())
              .count();
      check(ring.inFlight() == inFlight.size() + answered, "%d in flight", ring.inFlight());
      check(ring.unwritten() == answered, "%d unwritten", ring.unwritten());
      check(ring.duplicates() == duplicates, "%d duplicates", ring.duplicates());
      check(ring.abandoned() == abandoned.size(), "%d abandoned", ring.abandoned());
      check(ring.redelivered() == redelivered, "%d redelivered", ring.redelivered());
      check(abandonedByRing.equals(abandoned), "abandoned %s, not %s", abandonedByRing, abandoned);

      long writable = ring.writableBytes(inputPosition);
      long room = room();
      check(writable == room, "%d bytes writable, not %d", writable, room);

      inFlight.forEach(
          (sequence, frame) -> {
            check(
                ring.originNanos(sequence) == frame.originNanos, "another origin of %d", sequence);
            if (frame.state == State.SENT) {
              check(ring.sentNanos(sequence) == frame.sentNanos, "%d sent elsewhen", sequence);
            }
          });
      if (!inFlight.isEmpty()) {
        Long[] sequences = inFlight.keySet().toArray(Long[]::new);
        long any = sequences[random.nextInt(sequences.length)];
        checkPayload(any);
      }
    }

    /** What a read can be given now: slots side by side that are free, up to sixteen. */
    private long room() {
      long first = nextFree();
      if (isTaken[slot(first)]) {
        return 0;
      }
      // Chosen now: it stays, though one before may become free.
      nextPayload = first;
      int end = Math.min(Frames.BATCH_FRAMES, windowFrames - slot(first));
      int frames = 0;
      while (frames < end && !isTaken[slot(first + frames)]) {
        frames++;
      }
      return (long) frames * Frames.BYTE_PAYLOAD_LENGTH
          - inputPosition % Frames.BYTE_PAYLOAD_LENGTH;
    }

    private long nextFree() {
      long next = nextPayload;
      while (isTaken[slot(next)] && next < nextPayload + windowFrames) {
        next++;
      }
      return next;
    }

    private int slot(long payloadNumber) {
      return (int) (payloadNumber % windowFrames);
    }

    private void checkPayload(long sequence) {
      long number = inFlight.get(sequence).payloadNumber;
      check(ring.payloadNumber(sequence) == number, "another payload of %d", sequence);
      check(slots.isStill(number), "payload of %d is gone", sequence);
      RetainedFramesModelTest.checkPayload(sequence, slots.buffer(), slots.offset(number));
    }

    /** Everything in flight, and nothing else, can be sent and acknowledged. */
    private void drain() {
      expireEverything();
      inFlight.keySet().forEach(this::checkPayload);
      Set<Long> expected = new HashSet<>(inFlight.keySet());
      Set<Long> drained = new HashSet<>();
      while (!inFlight.isEmpty()) {
        int before = inFlight.size();
        send(1);
        for (long sequence : sent()) {
          drained.add(sequence);
          acknowledge(sequence);
        }
        check(inFlight.size() < before, "nothing is next, but %s is in flight", inFlight.keySet());
        compare();
      }
      write(Integer.MAX_VALUE);
      closeFrames();
      compare();
      check(drained.equals(expected), "drained %s, not %s", drained, expected);
      check(ring.nextToSend() == -1, "something is next, but nothing in flight");
      check(ring.inFlight() == 0, "in flight");
    }

    private void fillAndDrain() {
      // To the end of the frame that is half written, then round the ring.
      while (ring.writableBytes(inputPosition) > 0) {
        publish(ring.writableBytes(inputPosition));
      }
      takeOver();
      check(inFlight.size() == windowFrames, "only %d fit in", inFlight.size());
      compare();
      drain();
    }
  }

  private static void checkPayload(long sequence, DirectBuffer buffer, int offset) {
    check(FramePattern.isPayload(sequence, buffer, offset), "payload of %d is damaged", sequence);
  }

  /** Formats only what fails: there are millions of checks. */
  @SuppressWarnings("AnnotateFormatMethod") // whose annotation is no dependency of this project
  private static void check(boolean condition, String message, Object... arguments) {
    if (!condition) {
      throw new AssertionError(message.formatted(arguments));
    }
  }
}
