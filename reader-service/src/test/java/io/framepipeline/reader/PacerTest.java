package io.framepipeline.reader;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class PacerTest {
  private static final long SECOND = TimeUnit.SECONDS.toNanos(1);

  @Test
  void shouldStartItsScheduleWithTheFirstQuestion() {
    long start = Long.MAX_VALUE - 5;
    Pacer pacer = new Pacer(10, 0);

    assertThat(pacer.dueFrames(start)).isEqualTo(1);
    assertThat(pacer.dueFrames(start + SECOND / 10 - 1)).isEqualTo(1);
    assertThat(pacer.dueFrames(start + SECOND / 10)).isEqualTo(2);
    assertThat(pacer.dueFrames(start + SECOND)).isEqualTo(11);
  }

  @Test
  void shouldCatchUpAfterAPause() {
    Pacer pacer = new Pacer(1_000, 0);
    pacer.dueFrames(0);

    assertThat(pacer.dueFrames(3_600 * SECOND)).isEqualTo(3_600_001);
  }

  @Test
  void shouldTellHowLongUntilAFrameIsDue() {
    Pacer pacer = new Pacer(10, 0);
    pacer.dueFrames(7);

    assertThat(pacer.nanosUntil(2, 7)).isEqualTo(SECOND / 10);
    assertThat(pacer.nanosUntil(2, 7 + SECOND / 10)).isZero();
    assertThat(pacer.nanosUntil(2, 7 + SECOND)).isNegative();
  }

  /** A wait that ended too soon would only be repeated; one that is too long would lose rate. */
  @ParameterizedTest
  @ValueSource(longs = {1, 3, 7, 999, 30_000, 123_457, 1_000_000_000})
  void shouldHaveAFrameDueWhenItSaysSo(long framesPerSecond) {
    Random random = new Random(framesPerSecond);
    Pacer pacer = new Pacer(framesPerSecond, 0);
    long start = random.nextLong() / 4;
    pacer.dueFrames(start);
    for (int i = 0; i < 1_000; i++) {
      long frames = 2L + random.nextInt(1_000_000);
      long wait = pacer.nanosUntil(frames, start);

      assertThat(pacer.dueFrames(start + wait + 1)).isGreaterThanOrEqualTo(frames);
      assertThat(pacer.dueFrames(start + wait - 2)).isLessThan(frames);
    }
  }

  @Test
  void shouldGoOnWithASchedule() {
    Pacer pacer = new Pacer(1_000, 50);

    assertThat(pacer.dueFrames(7)).isEqualTo(51);
    assertThat(pacer.dueFrames(7 + 2_000_000)).isEqualTo(53);
    assertThat(pacer.nanosUntil(54, 7 + 2_000_000)).isEqualTo(1_000_000);
  }
}
