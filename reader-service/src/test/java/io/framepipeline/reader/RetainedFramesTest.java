package io.framepipeline.reader;

import static org.assertj.core.api.Assertions.assertThat;

import io.framepipeline.common.transport.FrameSlots;
import io.framepipeline.common.transport.SlotFile;
import io.framepipeline.common.wire.Frames;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RetainedFramesTest {
  private static final int WINDOW = 16;
  private static final int MAX_DELIVERIES = 3;
  private static final long INBOX = 100;
  private static final long OTHER_INBOX = 200;

  @TempDir private Path directory;

  private final List<Long> abandoned = new ArrayList<>();
  private final FrameSlots slots = FrameSlots.inMemory(WINDOW, Frames.BYTE_PAYLOAD_LENGTH);
  private final RetainedFrames frames =
      new RetainedFrames(
          ReaderMemory.ofProcess(),
          slots,
          MAX_DELIVERIES,
          (sequence, buffer, offset, length) -> abandoned.add(sequence),
          null);
  private long inputPosition;

  @Test
  void shouldHandOutFramesInTheOrderInWhichTheyWereRead() {
    read(3);

    assertThat(sendAll(INBOX)).containsExactly(0L, 1L, 2L);
    assertThat(frames.inFlight()).isEqualTo(3);
  }

  @Test
  void shouldTellThoseWhoReadThatASlotIsAboutToBeWrittenAnew() {
    read(WINDOW);
    sendAll(INBOX);
    assertThat(slots.isStill(0)).isTrue();
    frames.answered(0, 1);
    assertThat(slots.isStill(0)).as("nobody has written there yet").isTrue();

    frames.writable(inputPosition, 1);
    assertThat(slots.isStill(0)).isFalse();
    assertThat(slots.isStill(1)).isTrue();
    read(1);
    assertThat(slots.isStill(WINDOW)).isTrue();
  }

  @Test
  void shouldNotHandOutAFrameUntilItIsComplete() {
    frames.publish(Frames.BYTE_PAYLOAD_LENGTH - 1, 0);
    assertThat(frames.takeOver()).isZero();
    assertThat(frames.nextToSend()).isEqualTo(-1);

    frames.publish(Frames.BYTE_PAYLOAD_LENGTH, 7);
    assertThat(frames.takeOver()).isEqualTo(1);
    assertThat(frames.nextToSend()).isZero();
    assertThat(frames.originNanos(0)).isEqualTo(7);
  }

  @Test
  void shouldOfferTheSameFrameAgainWhileItIsNotSent() {
    read(2);

    assertThat(frames.nextToSend()).isZero();
    assertThat(frames.nextToSend()).isZero();
  }

  @Test
  void shouldCountAnAnswerOnce() {
    read(2);
    sendAll(INBOX);

    assertThat(frames.answered(1, 1)).isTrue();
    assertThat(frames.answered(1, 1)).isFalse();
    assertThat(frames.answered(0, 1)).isTrue();
    assertThat(frames.answered(0, 1)).isFalse();
    assertLedger(2, 2, 0, 0, 0);
    assertThat(frames.duplicates()).isEqualTo(2);
  }

  @Test
  void shouldIgnoreAnswersToFramesThatWereNeverSent() {
    read(2);
    frames.sent(frames.nextToSend(), INBOX, 0);

    for (long sequence : new long[] {1, 2, WINDOW, -1, Long.MAX_VALUE, Long.MIN_VALUE}) {
      assertThat(frames.answered(sequence, 1)).as("%d", sequence).isFalse();
    }
    assertLedger(2, 0, 2, 0, 0);
    assertThat(frames.duplicates()).isZero();
  }

  @Test
  void shouldPushBackWhileEverySlotIsTaken() {
    read(WINDOW);
    assertThat(frames.writableBytes(inputPosition)).isZero();

    sendAll(INBOX);
    frames.answered(1, 1);
    assertThat(frames.writableBytes(inputPosition)).isEqualTo(Frames.BYTE_PAYLOAD_LENGTH);

    frames.answered(2, 1);
    frames.answered(4, 1);
    assertThat(frames.writableBytes(inputPosition))
        .as("the slots of 1 and 2, side by side, and not 4's")
        .isEqualTo(2 * Frames.BYTE_PAYLOAD_LENGTH);
  }

  @Test
  void shouldLeaveOutSlotsOfFramesThatTakeLong() {
    read(WINDOW);
    sendAll(INBOX);
    for (int round = 1; round <= 3; round++) {
      for (long sequence = frames.read() - WINDOW + 1; sequence < frames.read(); sequence++) {
        frames.answered(sequence, 1);
      }
      long first = frames.read();
      read(WINDOW - 1);
      for (long sequence = first; sequence < frames.read(); sequence++) {
        assertThat(frames.payloadNumber(sequence))
            .isEqualTo((long) round * WINDOW + 1 + sequence - first);
      }
      assertThat(frames.writableBytes(inputPosition)).isZero();
      assertThat(slots.isStill(0)).isTrue();
      sendAll(INBOX);
    }
  }

  @Test
  void shouldSendFramesInOneMessageOnlyIfTheyLieSideBySide() {
    read(WINDOW);
    sendAll(INBOX);
    for (long sequence : new long[] {0, 1, 3, 4, 5}) {
      frames.answered(sequence, 1);
    }
    read(5);

    assertThat(frames.batchLength(WINDOW)).isEqualTo(2);
    assertThat(frames.batchLength(WINDOW + 2)).isEqualTo(3);
  }

  /** However many slots are free: the delivery states have an end. */
  @Test
  void shouldPushBackWhenAFrameTakesTooLong() {
    read(1);
    sendAll(INBOX);
    while (frames.read() < NormRing.CAPACITY) {
      read(1);
      frames.sent(frames.nextToSend(), INBOX, 0);
      frames.answered(frames.read() - 1, 1);
    }
    assertThat(frames.writableBytes(inputPosition)).isZero();
    assertThat(frames.isFull()).isTrue();

    frames.answered(0, 1);
    frames.closeFrames();
    assertThat(frames.writableBytes(inputPosition)).isPositive();
    assertThat(frames.isFull()).isFalse();
    assertLedger(NormRing.CAPACITY, NormRing.CAPACITY, 0, 0, 0);
  }

  @Test
  void shouldAcknowledgeAFrameWhenItsNormIsWrittenIfItIsToBe() {
    ReaderMemory memory = ReaderMemory.ofProcess();
    NormRing norms = new NormRing(memory);
    RetainedFrames written =
        new RetainedFrames(memory, slots, 1, (sequence, buffer, offset, length) -> {}, norms);
    written.publish(4L * Frames.BYTE_PAYLOAD_LENGTH, 0);
    written.takeOver();
    for (long sequence = 0; sequence < 4; sequence++) {
      written.sent(sequence, sequence == 1 ? INBOX : OTHER_INBOX, 0);
    }

    written.answered(2, 2.5);
    assertThat(norms.known()).as("the first has no norm yet").isZero();
    written.answered(0, 0.5);
    assertThat(norms.known()).isEqualTo(1);
    written.expireSentTo(INBOX);
    assertThat(norms.known()).isEqualTo(3);
    assertThat(new double[] {norms.norm(0), norms.norm(1), norms.norm(2)})
        .containsExactly(0.5, Double.NaN, 2.5);
    assertThat(written.abandoned()).isEqualTo(1);
    written.closeFrames();
    assertThat(written.acknowledged()).isZero();
    assertThat(written.inFlight()).isEqualTo(3);

    norms.written(2);
    written.closeFrames();
    assertThat(written.acknowledged()).isEqualTo(1);
    assertThat(written.inFlight()).isEqualTo(2);
    norms.written(3);
    written.closeFrames();
    assertThat(written.acknowledged()).isEqualTo(2);
    assertThat(written.answered(2, 7)).isFalse();
    assertThat(written.duplicates()).isEqualTo(1);
    assertThat(norms.norm(2)).isEqualTo(2.5);
  }

  @Test
  void shouldRedeliverFramesOfALostInbox() {
    read(4);
    for (long sequence = 0; sequence < 4; sequence++) {
      frames.sent(frames.nextToSend(), sequence % 2 == 0 ? INBOX : OTHER_INBOX, 0);
    }
    frames.answered(2, 1);

    frames.expireSentTo(INBOX);

    assertThat(sendAll(OTHER_INBOX)).containsExactly(0L);
    assertLedger(4, 1, 3, 0, 1);
  }

  @Test
  void shouldSendLostFramesFirstAndTheOldestOfThemFirst() {
    read(4);
    frames.sent(0, INBOX, 0);
    frames.sent(1, OTHER_INBOX, 0);
    frames.sent(2, INBOX, 0);

    frames.expireSentTo(INBOX);
    frames.expireSentTo(OTHER_INBOX);

    assertThat(sendAll(INBOX)).containsExactly(0L, 1L, 2L, 3L);
  }

  @Test
  void shouldRedeliverOnlyWhatWasSentBeforeANormWasLost() {
    read(3);
    frames.sent(0, INBOX, 10);
    frames.sent(1, INBOX, 20);
    frames.sent(2, INBOX, 30);

    frames.expireSentBefore(20);

    assertThat(sendAll(INBOX)).containsExactly(0L);
  }

  @Test
  void shouldTakeTheAnswerToALostFrameThatArrivesAfterAll() {
    read(1);
    sendAll(INBOX);
    frames.expireSentTo(INBOX);

    assertThat(frames.answered(0, 1)).isTrue();

    assertThat(frames.nextToSend()).isEqualTo(-1);
    assertLedger(1, 1, 0, 0, 0);
  }

  @Test
  void shouldRedeliverEverythingAfterTheLossOfADriverAndBlameNoFrame() {
    read(2);
    for (int losses = 0; losses < 10 * MAX_DELIVERIES; losses++) {
      assertThat(sendAll(INBOX)).containsExactly(0L, 1L);
      frames.expireEverything();
    }

    assertThat(abandoned).isEmpty();
    assertThat(frames.inFlight()).isEqualTo(2);
  }

  @Test
  void shouldLoseOverdueFramesOldestFirstUpToTheLimit() {
    read(4);
    for (long sequence = 0; sequence < 4; sequence++) {
      frames.sent(sequence, INBOX, sequence);
    }

    assertThat(frames.expireOverdue(3, 2, true)).isEqualTo(2);
    assertThat(sendAll(INBOX)).containsExactly(0L, 1L);
    assertThat(frames.expireOverdue(-1, 2, true)).isZero();
  }

  /** A lost inbox is not there any more, and a lost norm is no fault of a reciprocal's. */
  @Test
  void shouldAvoidTheInboxThatAFrameIsOverdueFromAndNoOther() {
    read(2);
    assertThat(frames.inboxToAvoid(0)).as("not sent yet").isEqualTo(-1);
    sendAll(INBOX);
    frames.expireOverdue(1, 2, true);
    assertThat(frames.inboxToAvoid(0)).isEqualTo(INBOX);
    sendAll(OTHER_INBOX);
    frames.expireOverdue(1, 1, false);
    assertThat(frames.inboxToAvoid(0)).as("sent to find out").isEqualTo(OTHER_INBOX);

    sendAll(INBOX);
    frames.expireSentTo(INBOX);
    assertThat(frames.inboxToAvoid(0)).isEqualTo(-1);
    sendAll(INBOX);
    frames.expireSentBefore(1);
    assertThat(frames.inboxToAvoid(0)).isEqualTo(-1);
    sendAll(INBOX);
    frames.expireEverything();
    assertThat(frames.inboxToAvoid(0)).isEqualTo(-1);
  }

  @Test
  void shouldNotBlameAFrameThatWasSentAgainToFindOut() {
    read(1);
    for (int losses = 0; losses < 10 * MAX_DELIVERIES; losses++) {
      assertThat(sendAll(INBOX)).containsExactly(0L);
      assertThat(frames.expireOverdue(1, 1, false)).isEqualTo(1);
    }

    assertThat(abandoned).isEmpty();
  }

  @Test
  void shouldAbandonAFrameThatWasLostTooOften() {
    read(2);
    for (int losses = 0; losses < MAX_DELIVERIES; losses++) {
      assertThat(abandoned).isEmpty();
      assertThat(frames.nextToSend()).isZero();
      frames.sent(0, INBOX, 0);
      frames.expireSentTo(INBOX);
    }

    assertThat(abandoned).containsExactly(0L);
    assertThat(frames.answered(0, 1)).isFalse();
    assertThat(sendAll(INBOX)).containsExactly(1L);
    assertLedger(2, 0, 1, 1, MAX_DELIVERIES - 1);
  }

  /** If both of two suspects were out, the loss of one could not be told from that of the other. */
  @Test
  void shouldSendAFrameThatWasLostTwiceAlone() {
    read(4);
    for (int losses = 0; losses < 2; losses++) {
      for (long sequence = 0; sequence < 3; sequence++) {
        frames.sent(sequence, INBOX, 0);
      }
      frames.expireSentTo(INBOX);
    }

    assertThat(frames.nextToSend()).isZero();
    frames.sent(0, INBOX, 0);
    // Frames that nothing is held against still travel.
    assertThat(sendAll(OTHER_INBOX)).containsExactly(3L);

    frames.answered(0, 1);
    assertThat(sendAll(INBOX)).containsExactly(1L);

    frames.expireSentTo(INBOX);
    assertThat(abandoned).containsExactly(1L);
    assertThat(sendAll(INBOX)).containsExactly(2L);
    frames.answered(2, 1);
    frames.answered(3, 1);
    assertLedger(4, 3, 0, 1, 3 + 3);
  }

  @Test
  void shouldReuseASlotAsIfNothingHadHappenedInIt() {
    read(WINDOW);
    for (int losses = 0; losses < MAX_DELIVERIES - 1; losses++) {
      frames.sent(0, INBOX, 0);
      frames.expireSentTo(INBOX);
    }
    sendAll(OTHER_INBOX);
    for (long sequence = 0; sequence < WINDOW; sequence++) {
      frames.answered(sequence, 1);
    }

    read(1);
    frames.sent(frames.nextToSend(), INBOX, 0);
    frames.expireSentTo(INBOX);

    assertThat(abandoned).isEmpty();
    assertThat(frames.nextToSend()).isEqualTo(WINDOW);
  }

  @Test
  void shouldCountWhatWentBackToTheSourceAsReturnedAndNotAsCompleted() {
    ReaderMemory memory = ReaderMemory.ofProcess();
    NormRing norms = new NormRing(memory);
    RetainedFrames written =
        new RetainedFrames(
            memory, slots, MAX_DELIVERIES, (sequence, buffer, offset, length) -> {}, norms);
    written.publish(4 * Frames.BYTE_PAYLOAD_LENGTH, 0);
    written.takeOver();
    for (long sequence = 0; sequence < 4; sequence++) {
      written.sent(sequence, INBOX, 0);
      if (sequence != 2) {
        written.answered(sequence, 1);
      }
    }
    norms.returned(0, false);
    norms.returned(1, true);

    written.closeFrames();
    assertThat(written.unwritten()).isEqualTo(3);

    norms.written(2);
    written.closeFrames();
    assertThat(written.acknowledged()).isEqualTo(1);
    assertThat(written.returned()).isEqualTo(1);
    assertThat(written.inFlight()).isEqualTo(2);
    assertThat(written.unwritten()).isEqualTo(1);

    written.answered(2, 1);
    norms.returned(2, true);
    norms.returned(3, false);
    norms.written(4);
    written.closeFrames();
    assertThat(written.acknowledged()).isEqualTo(2);
    assertThat(written.returned()).isEqualTo(2);
    assertThat(written.inFlight()).isZero();
  }

  /** It was given up before it went back. */
  @Test
  void shouldCountAnAbandonedFrameOnceEvenIfItWentBack() {
    ReaderMemory memory = ReaderMemory.ofProcess();
    NormRing norms = new NormRing(memory);
    RetainedFrames written =
        new RetainedFrames(memory, slots, 1, (sequence, buffer, offset, length) -> {}, norms);
    written.publish(Frames.BYTE_PAYLOAD_LENGTH, 0);
    written.takeOver();
    written.sent(0, INBOX, 0);
    written.expireSentTo(INBOX);
    norms.returned(0, true);
    norms.written(1);

    written.closeFrames();

    assertThat(written.abandoned()).isEqualTo(1);
    assertThat(written.returned()).isZero();
    assertThat(written.acknowledged()).isZero();
    assertThat(written.inFlight()).isZero();
  }

  /** 260 MiB. */
  @Test
  void shouldHaveMemoryForTheLargestWindow() throws IOException {
    try (SlotFile ring =
        SlotFile.create(
            directory.resolve("ring"), Frames.MAX_WINDOW_FRAMES, Frames.BYTE_PAYLOAD_LENGTH)) {
      RetainedFrames largest =
          new RetainedFrames(
              ReaderMemory.ofProcess(),
              ring.slots(),
              1,
              (sequence, buffer, offset, length) -> {},
              null);

      long bytes = (long) Frames.MAX_WINDOW_FRAMES * Frames.BYTE_PAYLOAD_LENGTH;
      for (long position = 0; position < bytes; ) {
        int length = largest.writableBytes(position);
        assertThat(length).isEqualTo(Frames.BATCH_FRAMES * Frames.BYTE_PAYLOAD_LENGTH);
        largest.writable(position, length);
        position += length;
        largest.publish(position, 0);
      }
      assertThat(largest.takeOver()).isEqualTo(Frames.MAX_WINDOW_FRAMES);
    }
  }

  private void read(int count) {
    for (int i = 0; i < count; i++) {
      assertThat(frames.writableBytes(inputPosition)).isPositive();
      inputPosition += Frames.BYTE_PAYLOAD_LENGTH;
      frames.publish(inputPosition, 0);
    }
    assertThat(frames.takeOver()).isEqualTo(count);
  }

  private List<Long> sendAll(long inbox) {
    List<Long> sent = new ArrayList<>();
    // Twice, since only the call after one that found nothing looks from the start again.
    for (int i = 0; i < 2; i++) {
      for (long next = frames.nextToSend(); next >= 0; next = frames.nextToSend()) {
        frames.sent(next, inbox, 0);
        sent.add(next);
      }
    }
    return sent;
  }

  private void assertLedger(
      long read, long acknowledged, long inFlight, long abandonedFrames, long redelivered) {
    assertThat(
            List.of(
                frames.read(),
                frames.acknowledged(),
                frames.inFlight(),
                frames.abandoned(),
                frames.redelivered()))
        .containsExactly(read, acknowledged, inFlight, abandonedFrames, redelivered);
  }
}
