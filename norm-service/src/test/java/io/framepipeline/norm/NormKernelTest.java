package io.framepipeline.norm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.framepipeline.common.frame.Frames;
import java.math.BigDecimal;
import java.math.MathContext;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Random;
import java.util.function.IntToDoubleFunction;
import org.agrona.concurrent.UnsafeBuffer;
import org.junit.jupiter.api.Test;

class NormKernelTest {
  private static final int OFFSET = 32;
  private static final double PROMISED = 1e-6;

  /** What the kernel's comment claims, 4096 x 2^-53, and a little for the root. */
  private static final double CLAIMED = 1e-12;

  private final ByteBuffer bytes =
      ByteBuffer.allocate(OFFSET + Frames.FLOAT_PAYLOAD_LENGTH + 64).order(ByteOrder.LITTLE_ENDIAN);
  private final UnsafeBuffer in = new UnsafeBuffer(bytes);

  @Test
  void shouldBe64ForReciprocalsOfZeroBytes() {
    fill(i -> 1f);

    assertThat(NormKernel.apply(in, OFFSET)).isEqualTo(64.0);
  }

  @Test
  void shouldBeAQuarterForReciprocalsOfBytesOf255() {
    fill(i -> 1f / 256f);

    assertThat(NormKernel.apply(in, OFFSET)).isEqualTo(0.25);
  }

  @Test
  void shouldTakeEveryElementIntoAccountOnce() {
    for (int element = 0; element < Frames.ELEMENTS; element++) {
      int only = element;
      fill(i -> i == only ? 3 : 0);

      assertThat(NormKernel.apply(in, OFFSET)).as("element %d", element).isEqualTo(3.0);
    }
  }

  @Test
  void shouldTakeNothingElseIntoAccount() {
    fill(i -> 0);
    for (int i = 0; i < OFFSET; i++) {
      bytes.put(i, (byte) 0x55);
    }
    for (int i = OFFSET + Frames.FLOAT_PAYLOAD_LENGTH; i < bytes.capacity(); i++) {
      bytes.put(i, (byte) 0x55);
    }

    assertThat(NormKernel.apply(in, OFFSET)).isZero();
  }

  @Test
  void shouldBeAsExactAsPromisedForReciprocalsOfRandomBytes() {
    Random random = new Random(1);
    for (int run = 0; run < 200; run++) {
      fill(i -> 1f / (1f + random.nextInt(256)));

      assertExact("run " + run);
    }
  }

  /** Summed up in float32 these would be far off: each small one vanishes beside the large one. */
  @Test
  void shouldBeAsExactAsPromisedForElementsOfVeryDifferentSize() {
    Random random = new Random(2);
    for (int run = 0; run < 200; run++) {
      fill(i -> Math.scalb(random.nextFloat(), random.nextInt(40) - 20));

      assertExact("run " + run);
    }
    fill(i -> i == 0 ? 1e4f : 1f / 256f);
    assertExact("one large element");
  }

  @Test
  void shouldHaveTheMeanAndDeviationThatUniformRandomBytesHave() {
    Random random = new Random(3);
    int runs = 500;
    double sum = 0;
    double squares = 0;
    for (int run = 0; run < runs; run++) {
      fill(i -> 1f / (1f + random.nextInt(256)));
      double norm = NormKernel.apply(in, OFFSET);
      sum += norm;
      squares += norm * norm;
    }
    double mean = sum / runs;

    assertThat(mean).isCloseTo(5.108, within(0.1));
    assertThat(Math.sqrt(squares / runs - mean * mean)).isCloseTo(0.40, within(0.08));
  }

  private void assertExact(String description) {
    BigDecimal squares = BigDecimal.ZERO;
    for (int i = 0; i < Frames.ELEMENTS; i++) {
      BigDecimal element = new BigDecimal(bytes.getFloat(OFFSET + i * Float.BYTES));
      squares = squares.add(element.multiply(element));
    }
    double exact = squares.sqrt(MathContext.DECIMAL64).doubleValue();

    double norm = NormKernel.apply(in, OFFSET);

    assertThat(norm).as(description).isCloseTo(exact, within(exact * PROMISED));
    assertThat(norm).as(description).isCloseTo(exact, within(exact * CLAIMED));
  }

  private void fill(IntToDoubleFunction elements) {
    for (int i = 0; i < Frames.ELEMENTS; i++) {
      bytes.putFloat(OFFSET + i * Float.BYTES, (float) elements.applyAsDouble(i));
    }
  }
}
