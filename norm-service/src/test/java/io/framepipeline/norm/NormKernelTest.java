package io.framepipeline.norm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.framepipeline.common.wire.Frames;
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

  private final ByteBuffer bytes =
      ByteBuffer.allocateDirect(OFFSET + Frames.FLOAT_PAYLOAD_LENGTH + 64)
          .order(ByteOrder.LITTLE_ENDIAN);
  private final UnsafeBuffer in = new UnsafeBuffer(bytes);
  private final NormKernel kernel = new NormKernel();

  @Test
  void shouldBe64ForReciprocalsOfZeroBytes() {
    fill(i -> 1f);

    assertThat(kernel.apply(in, OFFSET)).isEqualTo(64.0);
  }

  @Test
  void shouldBeAQuarterForReciprocalsOfBytesOf255() {
    fill(i -> 1f / 256f);

    assertThat(kernel.apply(in, OFFSET)).isEqualTo(0.25);
  }

  @Test
  void shouldTakeEveryElementIntoAccountOnce() {
    for (int element = 0; element < Frames.ELEMENTS; element++) {
      int only = element;
      fill(i -> i == only ? 3 : 0);

      assertThat(kernel.apply(in, OFFSET)).as("element %d", element).isEqualTo(3.0);
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

    assertThat(kernel.apply(in, OFFSET)).isZero();
  }

  @Test
  void shouldBeAsExactAsPromisedForReciprocalsOfRandomBytes() {
    Random random = new Random(1);
    for (int run = 0; run < 200; run++) {
      fill(i -> 1f / (1f + random.nextInt(256)));

      assertExact("run " + run);
    }
  }

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

  /** Each addition rounds down by nearly as much as it can. */
  @Test
  void shouldBeAsExactAsPromisedIfRoundingsAddUp() {
    float large = 1 - Math.ulp(0.5f);
    for (float small = 1; small > 1e-5f; small *= 0.99f) {
      float element = small;
      fill(i -> i < 2 * Frames.SIDE ? large : element);

      assertExact("one of " + large + ", the others of " + small);
    }
  }

  @Test
  void shouldHaveTheSameBitsWithVectorsAsWithout() {
    Random random = new Random(4);
    float[] expected = new float[NormKernel.LANES];
    float[] sums = new float[NormKernel.LANES];
    for (int run = 0; run < 200; run++) {
      fill(i -> Math.scalb(random.nextFloat(), random.nextInt(300) - 200));

      NormKernel.computeLaneSums(in, OFFSET, expected);
      VectorLaneSums.computeByVectors(in.addressOffset() + OFFSET, sums);

      assertThat(sums).as("run %d", run).containsExactly(expected);
    }
  }

  @Test
  void shouldHaveTheMeanAndDeviationThatUniformRandomBytesHave() {
    Random random = new Random(3);
    int runs = 500;
    double sum = 0;
    double squares = 0;
    for (int run = 0; run < runs; run++) {
      fill(i -> 1f / (1f + random.nextInt(256)));
      double norm = kernel.apply(in, OFFSET);
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

    double norm = kernel.apply(in, OFFSET);

    assertThat(norm).as(description).isCloseTo(exact, within(exact * PROMISED));
  }

  private void fill(IntToDoubleFunction elements) {
    for (int i = 0; i < Frames.ELEMENTS; i++) {
      bytes.putFloat(OFFSET + i * Float.BYTES, (float) elements.applyAsDouble(i));
    }
  }
}
