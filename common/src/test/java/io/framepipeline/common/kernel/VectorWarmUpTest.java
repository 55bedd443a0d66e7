package io.framepipeline.common.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.PrimitiveIterator;
import java.util.function.LongSupplier;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;

class VectorWarmUpTest {
  @Test
  void shouldWarmUpUntilVectorsAreFasterThanScalarCodeAtItsBest() {
    LongSupplier scalarNanos = times(3000, 1000, 4000, 5000);
    assertThat(VectorWarmUp.isFaster(times(9000, 5000, 1000, 999), scalarNanos, 4)).isTrue();
  }

  @Test
  void shouldGiveUpByAttemptsHoweverLongEachTakes() {
    long anHourNanos = 3_600_000_000_000L;
    LongSupplier vectorNanos = times(anHourNanos, anHourNanos, 1000);
    assertThat(VectorWarmUp.isFaster(vectorNanos, times(2000, 2000, 2000), 2)).isFalse();
    assertThat(VectorWarmUp.isFaster(vectorNanos, times(2000, 2000, 2000), 1)).isTrue();
  }

  private static LongSupplier times(long... nanos) {
    PrimitiveIterator.OfLong iterator = LongStream.of(nanos).iterator();
    return iterator::nextLong;
  }
}
