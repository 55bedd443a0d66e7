package io.framepipeline.reader;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class RetainedFramesBenchmarkTest {
  private final RetainedFramesBenchmark benchmark = new RetainedFramesBenchmark();

  @Test
  void everyFrameIsCompleted() {
    // Each place of the delivery states is used more than once.
    for (int frame = 0; frame < 2 * DeliveryStates.CAPACITY; frame++) {
      assertThat(benchmark.completeAFrame()).isTrue();
    }
  }
}
