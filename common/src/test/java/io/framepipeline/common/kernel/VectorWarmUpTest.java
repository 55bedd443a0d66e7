package io.framepipeline.common.kernel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import java.util.PrimitiveIterator;
import java.util.function.LongSupplier;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;

class VectorWarmUpTest {
  @Test
  void shouldWarmUpUntilAFrameIsFast() {
    LongSupplier nanosOfFrame = times(1_000_000, 200_000, 500, 600);
    assertThat(VectorWarmUp.isFast(nanosOfFrame, 4)).isTrue();
    assertThat(nanosOfFrame.getAsLong()).isEqualTo(600);
  }

  @Test
  void shouldGiveUpByFramesHoweverLongEachTakes() {
    long anHourNanos = 3_600_000_000_000L;
    assertThat(VectorWarmUp.isFast(times(anHourNanos, anHourNanos, 500), 2)).isFalse();
    assertThat(VectorWarmUp.isFast(times(anHourNanos, anHourNanos, 500), 3)).isTrue();
  }

  @Test
  void shouldNotKeepAServiceWaitingWithoutVectors() {
    VectorWarmUp warmUp = VectorWarmUp.start(() -> {});
    assertThat(warmUp.isOver()).isTrue();
    assertThat(warmUp.isVectorFast()).isFalse();
  }

  @Test
  void shouldNotKeepAServiceWaitingForVectorsThatFail() {
    VectorWarmUp warmUp = new VectorWarmUp();
    assertThatExceptionOfType(NoClassDefFoundError.class)
        .isThrownBy(
            () ->
                warmUp.run(
                    () -> {
                      throw new NoClassDefFoundError();
                    }));
    assertThat(warmUp.isOver()).isTrue();
    assertThat(warmUp.isVectorFast()).isFalse();
  }

  private static LongSupplier times(long... nanos) {
    PrimitiveIterator.OfLong iterator = LongStream.of(nanos).iterator();
    return iterator::nextLong;
  }
}
