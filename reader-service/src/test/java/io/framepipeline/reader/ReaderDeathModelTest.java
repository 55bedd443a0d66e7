package io.framepipeline.reader;

import static org.assertj.core.api.Assertions.assertThat;

import io.framepipeline.common.transport.FrameSlots;
import io.framepipeline.common.wire.Frames;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * A reader is killed again and again, each of its three threads after a store of its own, and
 * another reader goes on. Steps of the threads alternate at random. At the end each frame has one
 * result, which is right, or was abandoned for good reasons.
 */
@Timeout(300)
class ReaderDeathModelTest {
  private static final int SEEDS = 1_000;
  private static final int FRAMES = 400;
  private static final int INBOXES = 3;
  private static final int MAX_STORES = 24;
  private static final int MAX_STEPS = 100_000;

  /** Every so many frames is one that is never answered. */
  private static final int POISON = 61;

  /** After how many stores of an operation its thread was killed. */
  private static final Set<String> CUTS = new TreeSet<>();

  @Test
  void shouldGoOnWhereverEachThreadWasKilled() {
    for (int seed = 0; seed < SEEDS; seed++) {
      Run run = new Run(seed);
      try {
        run.run();
      } catch (AssertionError | RuntimeException e) {
        throw new AssertionError(
            "seed %s: %s%n%s".formatted(seed, e, String.join(System.lineSeparator(), run.log)), e);
      }
    }
    assertThat(CUTS)
        .contains("read 0", "read 1", "read 2", "read 3", "read 4")
        .contains("send 0", "answer 0", "blame 0", "expire 0")
        .contains("close 0", "close 1", "close 2", "close 3")
        .contains("write 0", "write 1", "write 2");
  }

  /** The places of frames that are closed are used again, but not before a successor knows it. */
  @Test
  void shouldGoOnWhereverTheDutyCycleWasKilledThatClosesFrames() {
    for (int stores = 0; stores < 4; stores++) {
      MortalMemory memory = new MortalMemory();
      RetainedFrames full = framesOf(memory);
      int frames = DeliveryStates.CAPACITY;
      for (int sequence = 0; sequence < frames; sequence++) {
        full.writableBytes(full.read() * Frames.BYTE_PAYLOAD_LENGTH);
        full.writable(full.read() * Frames.BYTE_PAYLOAD_LENGTH, 1);
        full.publish((full.read() + 1) * Frames.BYTE_PAYLOAD_LENGTH, 0);
        full.takeOver();
        full.sent(sequence, 0, 0);
        full.answered(sequence, 1);
      }

      assertThat(memory.killAfter(stores, full::closeFrames)).isEqualTo(stores);
      int writable = full.writableBytes((long) frames * Frames.BYTE_PAYLOAD_LENGTH);
      assertThat(writable).isZero();
      RetainedFrames next = framesOf(memory);
      assertThat(next.read()).isEqualTo(frames);
      assertThat(next.acknowledged()).isEqualTo(frames);
      next.closeFrames();
      assertThat(next.closed()).isEqualTo(frames);
    }
  }

  private static RetainedFrames framesOf(MortalMemory memory) {
    return new RetainedFrames(
        memory.ofNextReader(),
        FrameSlots.inMemory(16, Frames.BYTE_PAYLOAD_LENGTH),
        5,
        (sequence, buffer, offset, length) -> {},
        null);
  }

  private static final class Run {
    final List<String> log = new ArrayList<>();
    final Random random;
    final FrameSlots slots;
    final int maxDeliveries;
    final boolean isWritten;
    final MortalMemory shared = new MortalMemory();

    // What the world outside the reader knows.
    final Map<Long, Double> results = new HashMap<>();
    final Set<Long> done = new HashSet<>();
    final TreeMap<Long, Integer> blames = new TreeMap<>();
    final Set<Long> abandoned = new TreeSet<>();
    int kills;

    // One reader's.
    ReaderMemory memory;
    NormRing norms;
    RetainedFrames frames;
    final TreeSet<Long> sent = new TreeSet<>();
    final Map<Long, Double> computed = new HashMap<>();
    long nowNanos;

    Run(int seed) {
      random = new Random(seed);
      slots = FrameSlots.inMemory(16 << random.nextInt(3), Frames.BYTE_PAYLOAD_LENGTH);
      maxDeliveries = 1 + random.nextInt(4);
      isWritten = random.nextBoolean();
      goOn();
    }

    void run() {
      while (frames.closed() < FRAMES) {
        check(nowNanos < MAX_STEPS, "frames are closed up to %s only", frames.closed());
        nowNanos++;
        if (kills < 12 && random.nextInt(60) == 0) {
          kill();
        } else {
          step(random.nextInt(10));
        }
      }
      compareAtTheEnd();
    }

    private void step(int which) {
      switch (which) {
        case 0, 1 -> read();
        case 2, 3, 4 -> send();
        case 5, 6 -> answer();
        case 7 -> expire();
        case 8 -> close();
        default -> write();
      }
    }

    /** Lets each thread make some stores of its next step, and no more. */
    private void kill() {
      kills++;
      List<Integer> steps = new ArrayList<>(List.of(0, 2 + random.nextInt(7), 9));
      Collections.shuffle(steps, random);
      for (int step : steps) {
        int stores = shared.killAfter(random.nextInt(MAX_STORES), () -> step(step));
        if (stores >= 0) {
          CUTS.add(operation + " " + stores);
        }
      }
      log.add("killed");
      goOn();
    }

    private String operation;

    private void begin(String name, Object what) {
      operation = name;
      log.add(name + " " + what);
    }

    private void goOn() {
      long readBefore = frames == null ? 0 : frames.read();
      memory = shared.ofNextReader();
      norms = isWritten ? new NormRing(memory) : null;
      frames =
          new RetainedFrames(
              memory,
              slots,
              maxDeliveries,
              (sequence, buffer, offset, length) -> abandon(sequence, offset),
              norms);
      sent.clear();
      computed.clear();
      check(frames.read() >= readBefore, "%s frames read, before %s", frames.read(), readBefore);
      for (long sequence = frames.closed(); sequence < frames.read(); sequence++) {
        check(memory.states.state(sequence) != DeliveryStates.SENT, "%s is not sent", sequence);
      }
      if (isWritten) {
        check(
            writtenBytes() == norms.written() * Double.BYTES,
            "%s bytes of %s results",
            writtenBytes(),
            norms.written());
      }
      compareLedger();
    }

    private void compareLedger() {
      check(
          frames.read() == frames.acknowledged() + frames.inFlight() + frames.abandoned(),
          "%s read, %s acknowledged, %s in flight, %s abandoned",
          frames.read(),
          frames.acknowledged(),
          frames.inFlight(),
          frames.abandoned());
    }

    /** The input's bytes are a function of their position; each frame begins with its sequence. */
    private void read() {
      long position = memory.input.position();
      int room = (int) Math.min(frames.writableBytes(position), bytes(FRAMES) - position);
      if (room == 0) {
        return;
      }
      int length = random.nextBoolean() ? room : 1 + random.nextInt(room);
      begin("read", length + " bytes from " + position);
      ByteBuffer to = frames.writable(position, length);
      FramePattern.read(position, to);
      frames.publish(position + length, nowNanos);
      frames.takeOver();
      compareLedger();
    }

    private long writtenBytes() {
      return memory.writing.get(ReaderMemory.WRITTEN_BYTES);
    }

    private void send() {
      frames.takeOver();
      for (int i = 0; i < 8; i++) {
        long sequence = frames.nextToSend();
        if (sequence < 0) {
          return;
        }
        begin("send", sequence);
        check(!done.contains(sequence), "%s is sent, but was done", sequence);
        check(slots.isStill(frames.payloadNumber(sequence)), "no payload of %s", sequence);
        check(frames.batchLength(sequence) >= 1, "no batch from %s on", sequence);
        computed.put(sequence, norm(sequence));
        frames.sent(sequence, random.nextInt(INBOXES), nowNanos);
        sent.add(sequence);
      }
    }

    /** From the frame's bytes in its slot, all of them. */
    private double norm(long sequence) {
      checkBytes(sequence, slots.offset(frames.payloadNumber(sequence)));
      return sequence * 1.5;
    }

    private void checkBytes(long sequence, int offset) {
      check(
          FramePattern.isPayload(sequence, slots.buffer(), offset),
          "other bytes than those of %s",
          sequence);
    }

    private void answer() {
      for (int i = 0; i < 8 && !sent.isEmpty(); i++) {
        long sequence = List.copyOf(sent).get(random.nextInt(sent.size()));
        sent.remove(sequence);
        if (sequence % POISON == POISON - 1) {
          continue;
        }
        begin("answer", sequence);
        boolean isNew = frames.answered(sequence, computed.get(sequence));
        check(!isNew || done.add(sequence), "%s is answered twice", sequence);
        compareLedger();
      }
    }

    private void expire() {
      boolean isBlamed = random.nextInt(4) > 0;
      begin(isBlamed ? "blame" : "expire", "before " + nowNanos);
      Map<Long, Integer> before = new HashMap<>();
      for (long sequence = frames.closed(); sequence < frames.read(); sequence++) {
        before.put(sequence, memory.states.blames(sequence));
      }
      try {
        frames.expireOverdue(nowNanos, 1 + random.nextInt(4), isBlamed);
      } finally {
        before.forEach(
            (sequence, count) -> {
              int blamed = memory.states.blames(sequence) - count;
              check(blamed == 0 || (isBlamed && blamed == 1), "%s blamed %s", sequence, blamed);
              blames.merge(sequence, blamed, Integer::sum);
            });
      }
      compareLedger();
    }

    private void abandon(long sequence, int offset) {
      check(
          blames.getOrDefault(sequence, 0) >= maxDeliveries - 1,
          "%s is abandoned after %s blames",
          sequence,
          blames.get(sequence));
      checkBytes(sequence, offset);
      abandoned.add(sequence);
    }

    private void close() {
      begin("close", frames.closed());
      frames.closeFrames();
      compareLedger();
    }

    private void write() {
      if (!isWritten) {
        return;
      }
      long next = norms.written();
      long end = Math.min(norms.known(), next + 1 + random.nextInt(8));
      if (next == end) {
        return;
      }
      begin("write", next + " to " + end);
      for (long sequence = next; sequence < end; sequence++) {
        double norm = norms.norm(sequence);
        Double before = results.put(sequence, norm);
        check(before == null || before.equals(norm), "%s is %s and %s", sequence, before, norm);
      }
      norms.written(end, end * Double.BYTES);
    }

    private void compareAtTheEnd() {
      check(frames.read() == FRAMES && frames.inFlight() == 0, "%s read", frames.read());
      if (isWritten) {
        long nan = results.values().stream().filter(norm -> norm.isNaN()).count();
        check(frames.abandoned() == nan, "%s abandoned, not %s", frames.abandoned(), nan);
        check(results.size() == FRAMES, "%s results", results.size());
        results.forEach(
            (sequence, norm) -> {
              boolean isRight =
                  norm.isNaN() ? abandoned.contains(sequence) : norm == sequence * 1.5;
              check(isRight, "%s is %s", sequence, norm);
            });
      }
      for (long sequence = POISON - 1; sequence < FRAMES; sequence += POISON) {
        check(abandoned.contains(sequence), "%s lives for ever", sequence);
      }
    }

    private static long bytes(long frames) {
      return frames * Frames.BYTE_PAYLOAD_LENGTH;
    }

    /** Formats only what fails: there are millions of checks. */
    @SuppressWarnings("AnnotateFormatMethod") // whose annotation is no dependency of this project
    private static void check(boolean isSo, String message, Object... arguments) {
      if (!isSo) {
        throw new AssertionError(message.formatted(arguments));
      }
    }
  }
}
