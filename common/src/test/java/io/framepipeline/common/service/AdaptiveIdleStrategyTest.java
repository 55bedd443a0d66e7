package io.framepipeline.common.service;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class AdaptiveIdleStrategyTest {
  private static final long SHORTEST_NANOS = TimeUnit.MICROSECONDS.toNanos(50);
  private static final long LONGEST_NANOS = TimeUnit.MILLISECONDS.toNanos(1);

  private final AdaptiveIdleStrategy strategy = new AdaptiveIdleStrategy();

  @Test
  void shouldSleepLongerWhileEachWakingMeetsPlentyOfWork() {
    long before = strategy.parkNanos();
    for (int waking = 0; waking < 10; waking++) {
      strategy.idle(16);
      strategy.idle(16);
      strategy.idle(0);
      assertThat(strategy.parkNanos()).isBetween(before, LONGEST_NANOS);
      before = strategy.parkNanos();
    }
    assertThat(before).isEqualTo(LONGEST_NANOS);
  }

  @Test
  void shouldSleepBrieflyAgainWhenWorkIsScarce() {
    for (int waking = 0; waking < 10; waking++) {
      strategy.idle(16);
      strategy.idle(0);
    }
    for (int waking = 0; waking < 10; waking++) {
      strategy.idle(1);
      strategy.idle(0);
    }
    assertThat(strategy.parkNanos()).isEqualTo(SHORTEST_NANOS);
  }

  @Test
  void shouldStayAlertThroughAShortSilenceAndSleepLongInALongOne() {
    for (int waking = 0; waking < 100; waking++) {
      strategy.idle(0);
    }
    assertThat(strategy.parkNanos()).isEqualTo(SHORTEST_NANOS);
    for (int waking = 0; waking < 1000; waking++) {
      strategy.idle(0);
    }
    assertThat(strategy.parkNanos()).isEqualTo(LONGEST_NANOS);
    strategy.idle(1);
    strategy.idle(0);
    assertThat(strategy.parkNanos()).isLessThan(LONGEST_NANOS);
  }

  @Test
  void shouldForgetTheLoadWhenReset() {
    for (int waking = 0; waking < 10; waking++) {
      strategy.idle(16);
      strategy.idle(0);
    }
    strategy.reset();
    assertThat(strategy.parkNanos()).isEqualTo(SHORTEST_NANOS);
  }
}
