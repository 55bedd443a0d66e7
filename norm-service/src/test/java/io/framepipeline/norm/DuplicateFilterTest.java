package io.framepipeline.norm;

import static org.assertj.core.api.Assertions.assertThat;

import io.framepipeline.common.frame.Frames;
import java.util.HashSet;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(value = 60, unit = TimeUnit.SECONDS, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class DuplicateFilterTest {
  private static final int CAPACITY = Frames.MAX_WINDOW_FRAMES;

  private final DuplicateFilter filter = new DuplicateFilter();

  @Test
  void shouldKnowAFrameAgain() {
    assertThat(filter.isRepeat(0)).isFalse();
    assertThat(filter.isRepeat(0)).isTrue();
    assertThat(filter.isRepeat(2)).isFalse();
    assertThat(filter.isRepeat(1)).isFalse();
    assertThat(filter.isRepeat(1)).isTrue();
    assertThat(filter.isRepeat(2)).isTrue();
  }

  @Test
  void shouldTellAFrameFromTheOneACapacityBefore() {
    for (long sequence = 0; sequence < 3L * CAPACITY; sequence++) {
      assertThat(filter.isRepeat(sequence)).as("%d", sequence).isFalse();
    }
    for (long sequence = 0; sequence < 3L * CAPACITY; sequence++) {
      assertThat(filter.isRepeat(sequence)).as("%d", sequence).isTrue();
    }
  }

  @Test
  void shouldTakeTheOldestFrameThatCanBeInFlightForNew() {
    filter.isRepeat(CAPACITY);

    assertThat(filter.isRepeat(1)).isFalse();
    assertThat(filter.isRepeat(1)).isTrue();
    assertThat(filter.isRepeat(0)).isTrue();
  }

  /** An instance that has just been started meets a source wherever that is. */
  @ParameterizedTest
  @ValueSource(
      longs = {CAPACITY - 1, CAPACITY, CAPACITY + 1, 10L * CAPACITY + 7, 1L << 40, 1L << 62})
  void shouldJumpOverMoreThanItsCapacity(long jump) {
    for (long sequence = 0; sequence < CAPACITY; sequence++) {
      filter.isRepeat(sequence);
    }
    long next = CAPACITY - 1 + jump;

    assertThat(filter.isRepeat(next)).isFalse();
    assertThat(filter.isRepeat(next)).isTrue();
    for (long sequence = Math.max(CAPACITY, next - CAPACITY + 1); sequence < next; sequence++) {
      assertThat(filter.isRepeat(sequence)).as("%d", sequence).isFalse();
    }
  }

  /** No reader sends such a sequence, but anybody can: it must not hang the service. */
  @Test
  void shouldEndWhateverTheSequence() {
    assertThat(new DuplicateFilter().isRepeat(Long.MAX_VALUE)).isFalse();
    assertThat(new DuplicateFilter().isRepeat(Long.MIN_VALUE)).isTrue();
    for (long last = Long.MAX_VALUE - 3; last > 0; last++) {
      assertThat(filter.isRepeat(last)).as("%d", last).isFalse();
      assertThat(filter.isRepeat(last)).as("%d", last).isTrue();
    }
    for (long sequence : new long[] {-1, 0, Long.MIN_VALUE}) {
      assertThat(filter.isRepeat(sequence)).as("%d", sequence).isTrue();
    }
  }

  /** As a reader's ring has it: no two frames in flight are a window apart. */
  @Test
  void shouldAgreeWithASetOfAllFramesSeen() {
    for (int seed = 0; seed < 60; seed++) {
      Random random = new Random(seed);
      DuplicateFilter tested = new DuplicateFilter();
      Set<Long> model = new HashSet<>();
      int window = CAPACITY >> random.nextInt(13);
      // The oldest frame in flight; all before it are done, and may come again all the same.
      long oldest = random.nextBoolean() ? 0 : random.nextInt(10 * CAPACITY);
      // What an instance did not see went to another one; those before its start as well.
      long start = oldest;
      for (int i = 0; i < 5_000; i++) {
        long sequence = oldest + random.nextInt(window);
        assertThat(tested.isRepeat(sequence))
            .as("seed %d, sequence %d", seed, sequence)
            .isEqualTo(!model.add(sequence));
        if (random.nextInt(8) == 0) {
          long step = random.nextInt(50) == 0 ? 3L * CAPACITY : random.nextInt(window / 4 + 1);
          oldest += step;
        }
      }
      // Whatever is behind every window counts as done.
      long highest = model.stream().mapToLong(Long::longValue).max().orElseThrow();
      for (long sequence = highest - CAPACITY; sequence >= start && sequence >= 0; sequence -= 97) {
        assertThat(tested.isRepeat(sequence)).as("seed %d, %d", seed, sequence).isTrue();
      }
    }
  }
}
