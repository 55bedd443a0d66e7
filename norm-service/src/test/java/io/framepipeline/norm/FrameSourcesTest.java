package io.framepipeline.norm;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class FrameSourcesTest {
  private static final long LATER = TimeUnit.MINUTES.toNanos(2);

  private final FrameSources sources = new FrameSources();

  @Test
  void shouldKeepOneEntryASource() {
    FrameSource first = sources.of(1, 10, 0);
    FrameSource second = sources.of(2, 20, 0);

    assertThat(first).isNotNull().isNotSameAs(second);
    assertThat(sources.of(1, 10, 0)).isSameAs(first);
    assertThat(sources.of(1, 11, 5)).isSameAs(first);
    assertThat(sources.of(2, 20, 0)).isSameAs(second);
    assertThat(first.sourceId()).isEqualTo(1);
    assertThat(sources.all()).containsExactly(first, second);
  }

  @Test
  void shouldTakeAnySourceId() {
    for (int sourceId : new int[] {0, -1, Integer.MIN_VALUE, Integer.MAX_VALUE}) {
      assertThat(sources.of(sourceId, 10, 0)).isNotNull();
    }
    assertThat(sources.all()).hasSize(4);
  }

  @Test
  void shouldTurnAwayMoreSourcesThanItsLimit() {
    for (int sourceId = 0; sourceId < FrameSources.LIMIT; sourceId++) {
      assertThat(sources.of(sourceId, 10, 0)).isNotNull();
    }

    assertThat(sources.of(FrameSources.LIMIT, 10, 0)).isNull();
    assertThat(sources.of(0, 10, 0)).isNotNull();
    assertThat(sources.all()).hasSize(FrameSources.LIMIT);

    sources.forget(LATER);
    assertThat(sources.of(FrameSources.LIMIT, 10, LATER)).isNotNull();
  }

  @Test
  void shouldForgetOnlySourcesOfWhichNothingMoreComes() {
    FrameSource gone = sources.of(1, 10, 0);
    FrameSource active = sources.of(2, 20, 0);
    assertThat(gone.onFrame(0, 10, 0)).isFalse();
    assertThat(active.onFrame(0, 20, LATER)).isFalse();

    sources.forget(LATER);

    assertThat(sources.all()).containsExactly(active);
    assertThat(sources.of(2, 20, LATER)).isSameAs(active);
    assertThat(sources.of(1, 10, LATER)).isNotSameAs(gone);
  }

  /** The one asked for last is answered from a field: it must not outlive being forgotten. */
  @Test
  void shouldForgetTheSourceThatWasAskedForLast() {
    FrameSource gone = sources.of(1, 10, 0);

    sources.forget(LATER);

    assertThat(sources.all()).isEmpty();
    assertThat(sources.of(1, 10, LATER)).isNotSameAs(gone);
    assertThat(sources.all()).hasSize(1);
  }

  @Test
  void shouldDropEverySourcesAcknowledgementsWhenTheDriverIsLost() {
    for (int sourceId = 0; sourceId < 3; sourceId++) {
      sources.of(sourceId, 10, 0).acknowledge(0);
    }

    sources.onDisconnected();

    assertThat(sources.all()).hasSize(3).allMatch(source -> source.ackCount() == 0);
  }
}
