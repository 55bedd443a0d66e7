package io.framepipeline.common.service;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class AdaptiveIdleStrategyTest {
  private static final long SHORTEST_NANOS = TimeUnit.MICROSECONDS.toNanos(20);
  private static final long LONGEST_BUSY_NANOS = TimeUnit.MICROSECONDS.toNanos(500);
  private static final long LONGEST_NANOS = TimeUnit.MILLISECONDS.toNanos(1);
  private static final int PLENTY_PER_MILLI = 50;
  private static final int LITTLE_PER_MILLI = 10;

  private long nowNanos = -1;
  private final AdaptiveIdleStrategy strategy = new AdaptiveIdleStrategy(() -> nowNanos);

  @Test
  void shouldSleepLongerWhileWorkIsPlentiful() {
    long before = strategy.parkNanos();
    for (int milli = 0; milli < 10; milli++) {
      work(PLENTY_PER_MILLI);
      assertThat(strategy.parkNanos()).isBetween(before, LONGEST_BUSY_NANOS);
      before = strategy.parkNanos();
    }
    assertThat(before).isEqualTo(LONGEST_BUSY_NANOS);
  }

  @Test
  void shouldSleepBrieflyAgainWhenWorkIsScarce() {
    for (int milli = 0; milli < 10; milli++) {
      work(PLENTY_PER_MILLI);
    }
    for (int milli = 0; milli < 10; milli++) {
      work(LITTLE_PER_MILLI);
    }
    assertThat(strategy.parkNanos()).isEqualTo(SHORTEST_NANOS);
  }

  @Test
  void shouldNotTakeLittleForPlentyBecauseItSleptLong() {
    for (int milli = 0; milli < 10; milli++) {
      work(PLENTY_PER_MILLI);
    }
    for (int sleep = 0; sleep < 10; sleep++) {
      nowNanos += TimeUnit.MILLISECONDS.toNanos(9);
      work(10 * LITTLE_PER_MILLI);
    }
    assertThat(strategy.parkNanos()).isEqualTo(SHORTEST_NANOS);
  }

  @Test
  void shouldStayAlertThroughAShortSilenceAndSleepLongInALongOne() {
    for (int milli = 0; milli < 90; milli++) {
      work(0);
    }
    assertThat(strategy.parkNanos()).isEqualTo(SHORTEST_NANOS);
    for (int milli = 0; milli < 20; milli++) {
      work(0);
    }
    assertThat(strategy.parkNanos()).isEqualTo(LONGEST_NANOS);
    work(1);
    assertThat(strategy.parkNanos()).isLessThan(LONGEST_NANOS);
  }

  @Test
  void shouldForgetTheLoadWhenReset() {
    for (int milli = 0; milli < 10; milli++) {
      work(PLENTY_PER_MILLI);
    }
    strategy.reset();
    assertThat(strategy.parkNanos()).isEqualTo(SHORTEST_NANOS);
  }

  /** A millisecond in which so much was met, in two duty cycles, and the sleep at its end. */
  private void work(int count) {
    strategy.idle(count / 2);
    nowNanos += TimeUnit.MILLISECONDS.toNanos(1);
    strategy.idle(count - count / 2);
    strategy.idle(0);
  }
}
