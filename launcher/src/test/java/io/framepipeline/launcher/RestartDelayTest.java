package io.framepipeline.launcher;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class RestartDelayTest {
  private static final long YOUNG_NANOS = TimeUnit.MILLISECONDS.toNanos(10);
  private static final long OLD_NANOS = TimeUnit.MINUTES.toNanos(1);

  private final RestartDelay delay = new RestartDelay();

  @Test
  void shouldReplaceAtOnceWhoeverLivedLong() {
    assertThat(delay.nextDelayNanos(OLD_NANOS)).isZero();
  }

  @Test
  void shouldWaitLongerAndLongerButNotForEverForWhoeverDiesYoung() {
    long before = 0;
    for (int death = 0; death < 5; death++) {
      long next = delay.nextDelayNanos(YOUNG_NANOS);
      assertThat(next).isGreaterThan(before);
      before = next;
    }
    for (int death = 0; death < 100; death++) {
      before = delay.nextDelayNanos(YOUNG_NANOS);
    }
    assertThat(before).isEqualTo(TimeUnit.SECONDS.toNanos(5));
    assertThat(delay.nextDelayNanos(OLD_NANOS)).isZero();
  }
}
