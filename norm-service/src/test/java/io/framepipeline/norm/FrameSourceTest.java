package io.framepipeline.norm;

import static org.assertj.core.api.Assertions.assertThat;

import io.framepipeline.common.frame.Frames;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class FrameSourceTest {
  private static final int ACK_CAPACITY = Frames.MAX_WINDOW_FRAMES;
  private static final long START = Long.MAX_VALUE - 5;
  private static final long MINUTE = TimeUnit.MINUTES.toNanos(1);

  private final FrameSource source = new FrameSource(7, 100, START);

  @Test
  void shouldTellRepeatsFromNewFrames() {
    assertThat(source.onFrame(0, 100, START)).isFalse();
    assertThat(source.onFrame(1, 100, START)).isFalse();
    assertThat(source.onFrame(0, 100, START)).isTrue();
  }

  /** The reader sends again what the lost connection swallowed, from another inbox. */
  @Test
  void shouldKnowRepeatsFromAnotherInboxOfTheSameReader() {
    source.onFrame(0, 100, START);
    source.onDisconnected();

    assertThat(source.onFrame(0, 3, START)).isTrue();
    assertThat(source.onFrame(1, 3, START)).isFalse();
  }

  @Test
  void shouldLetABoundedNumberOfAcknowledgementsWait() {
    int count = 0;
    while (source.hasRoom(1)) {
      source.acknowledge(count++);
    }

    assertThat(count).isEqualTo(ACK_CAPACITY);
    assertThat(source.ackCount()).isPositive();
  }

  @Test
  void shouldLeaveRoomForAcknowledgementsThatAreStillToCome() {
    int toCome = 1000;
    int count = 0;
    while (source.hasRoom(1 + toCome)) {
      source.acknowledge(count++);
    }

    assertThat(count).isEqualTo(ACK_CAPACITY - toCome);
    for (int i = 0; i < toCome; i++) {
      assertThat(source.hasRoom(1)).isTrue();
      source.acknowledge(count++);
    }
    assertThat(source.hasRoom(1)).isFalse();
  }

  @Test
  void shouldDropWhatWaitsWhenTheDriverIsLost() {
    source.acknowledge(0);
    assertThat(source.ackCount()).isPositive();

    source.onDisconnected();

    assertThat(source.ackCount()).isZero();
    assertThat(source.hasRoom(ACK_CAPACITY)).isTrue();
  }

  @Test
  void shouldBeForgottenAMinuteAfterItsLastFrame() {
    assertThat(source.isForgotten(START)).isFalse();
    assertThat(source.isForgotten(START + MINUTE)).isFalse();
    assertThat(source.isForgotten(START + MINUTE + 1)).isTrue();

    source.onFrame(0, 100, START + MINUTE);

    assertThat(source.isForgotten(START + 2 * MINUTE)).isFalse();
    assertThat(source.isForgotten(START + 2 * MINUTE + 1)).isTrue();
  }
}
