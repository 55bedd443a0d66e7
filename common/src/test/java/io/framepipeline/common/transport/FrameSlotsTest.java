package io.framepipeline.common.transport;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.framepipeline.common.wire.Frames;
import java.nio.ByteBuffer;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import org.agrona.BitUtil;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class FrameSlotsTest {
  private static final int COUNT = 4;

  private final FrameSlots slots = FrameSlots.inMemory(COUNT, Frames.BYTE_PAYLOAD_LENGTH);

  @Test
  void shouldPlaceEveryPayloadOnCacheLinesOfItsOwn() {
    for (long number = 0; number < 2 * COUNT; number++) {
      assertThat(slots.offset(number)).isEqualTo((int) (number % COUNT) * 4096);
      long address = slots.buffer().addressOffset() + slots.offset(number);
      assertThat(BitUtil.isAligned(address, BitUtil.CACHE_LINE_LENGTH)).isTrue();
    }
  }

  @Test
  void shouldHoldWhatWasWritten() {
    assertThat(slots.isStill(0)).as("nothing yet").isFalse();
    slots.beginWriting(0);
    assertThat(slots.isStill(0)).as("half of it").isFalse();
    slots.written(0);
    assertThat(slots.isStill(0)).isTrue();
    assertThat(slots.isStill(COUNT)).isFalse();
  }

  /** Whatever stands for an empty slot. */
  @Test
  void shouldHoldNoPayloadOfANegativeNumber() {
    for (long number : new long[] {-1, -COUNT, Integer.MIN_VALUE, Long.MIN_VALUE}) {
      assertThat(slots.isStill(number)).as("payload %d", number).isFalse();
    }
  }

  @Test
  void shouldTellThatASlotIsWrittenAnew() {
    slots.beginWriting(1);
    slots.written(1);
    slots.beginWriting(COUNT + 1);
    assertThat(slots.isStill(1)).isFalse();
    slots.written(COUNT + 1);
    assertThat(slots.isStill(1)).isFalse();
    assertThat(slots.isStill(COUNT + 1)).isTrue();
  }

  @Test
  void shouldRefuseMemoryThatIsNoPowerOfTwoOfSlots() {
    int three = (int) FrameSlots.length(3, Frames.BYTE_PAYLOAD_LENGTH);
    int four = (int) FrameSlots.length(4, Frames.BYTE_PAYLOAD_LENGTH);
    for (int length : new int[] {0, 64, three, four - 1, four + 64}) {
      assertThatIllegalArgumentException()
          .isThrownBy(
              () ->
                  FrameSlots.attach(ByteBuffer.allocateDirect(length), Frames.BYTE_PAYLOAD_LENGTH));
    }
  }

  /** One thread writes payloads of equal longs as fast as it can, another reads: no mixture. */
  @Test
  void shouldNeverPassAMixtureForAPayload() throws Exception {
    AtomicBoolean isEnough = new AtomicBoolean();
    AtomicLong latest = new AtomicLong(-1);
    Thread writer =
        Thread.ofPlatform()
            .start(
                () -> {
                  for (long number = 0; !isEnough.get(); number++) {
                    slots.beginWriting(number);
                    for (int at = 0; at < Frames.BYTE_PAYLOAD_LENGTH; at += Long.BYTES) {
                      slots.buffer().putLong(slots.offset(number) + at, number);
                    }
                    slots.written(number);
                    latest.setRelease(number);
                  }
                });
    int passed = 0;
    int writtenOver = 0;
    while (passed < 10_000 || writtenOver == 0) {
      long number = latest.getAcquire();
      boolean isMixed = false;
      for (int at = 0; number >= 0 && at < Frames.BYTE_PAYLOAD_LENGTH; at += Long.BYTES) {
        isMixed |= slots.buffer().getLong(slots.offset(number) + at) != number;
      }
      if (number >= 0 && slots.isStill(number)) {
        passed++;
        assertThat(isMixed).as("payload %d", number).isFalse();
      } else if (isMixed) {
        writtenOver++;
      }
    }
    isEnough.set(true);
    writer.join();
  }
}
