package io.framepipeline.reciprocal;

import static org.assertj.core.api.Assertions.assertThat;

import io.framepipeline.common.kernel.Kernel;
import io.framepipeline.common.wire.Frames;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Random;
import java.util.stream.Stream;
import org.agrona.DirectBuffer;
import org.agrona.concurrent.UnsafeBuffer;
import org.junit.jupiter.api.Named;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.Parameter;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.MethodSource;

/** With vectors, and without. */
@ParameterizedClass
@MethodSource("kernels")
class ReciprocalKernelTest {
  @Parameter Kernel kernel;

  private static final int BYTE_VALUES = 256;
  private static final int IN_OFFSET = 32;
  private static final int OUT_OFFSET = 64;
  private static final int MARGIN = 64;
  private static final byte UNTOUCHED = 0x55;

  private final UnsafeBuffer in =
      new UnsafeBuffer(ByteBuffer.allocateDirect(IN_OFFSET + Frames.BYTE_PAYLOAD_LENGTH + MARGIN));
  private final UnsafeBuffer out =
      new UnsafeBuffer(
          ByteBuffer.allocateDirect(OUT_OFFSET + Frames.FLOAT_PAYLOAD_LENGTH + MARGIN));

  static Stream<Named<Kernel>> kernels() {
    return Stream.of(
        Named.of(
            "vectors",
            (in, offset, out, outOffset) ->
                VectorReciprocals.computeByVectors(
                    in.addressOffset() + offset, out.addressOffset() + outOffset)),
        Named.of("table", ReciprocalKernel::lookUp));
  }

  @Test
  void shouldBeTheFloat32ReciprocalInEveryPositionForEveryByte() {
    for (int shift = 0; shift < BYTE_VALUES; shift++) {
      for (int i = 0; i < Frames.ELEMENTS; i++) {
        in.putByte(IN_OFFSET + i, (byte) (i + shift));
      }

      kernel.apply(in, IN_OFFSET, out, OUT_OFFSET);

      for (int i = 0; i < Frames.ELEMENTS; i++) {
        assertBits(i, (i + shift) % BYTE_VALUES, 1f / (1f + (i + shift) % BYTE_VALUES));
      }
    }
  }

  /** 256 little-endian float32 values of {@code 1 / (1 + x)}, as NumPy computes them. */
  @Test
  void shouldBeWhatNumPyComputesToTheBit() throws IOException {
    ByteBuffer expected;
    try (InputStream resource =
        ReciprocalKernelTest.class.getResourceAsStream("/numpy-reciprocals.f32")) {
      assertThat(resource).isNotNull();
      expected = ByteBuffer.wrap(resource.readAllBytes()).order(ByteOrder.LITTLE_ENDIAN);
    }
    assertThat(expected.capacity()).isEqualTo(BYTE_VALUES * Float.BYTES);
    for (int i = 0; i < Frames.ELEMENTS; i++) {
      in.putByte(IN_OFFSET + i, (byte) i);
    }

    kernel.apply(in, IN_OFFSET, out, OUT_OFFSET);

    for (int i = 0; i < Frames.ELEMENTS; i++) {
      int x = i % BYTE_VALUES;
      assertBits(i, x, expected.getFloat(x * Float.BYTES));
    }
  }

  @Test
  void shouldPutEachByteOfARandomFrameInItsPlace() {
    byte[] frame = new byte[Frames.BYTE_PAYLOAD_LENGTH];
    Random random = new Random(1);
    for (int run = 0; run < 100; run++) {
      random.nextBytes(frame);
      in.putBytes(IN_OFFSET, frame);

      kernel.apply(in, IN_OFFSET, out, OUT_OFFSET);

      for (int i = 0; i < Frames.ELEMENTS; i++) {
        int x = Byte.toUnsignedInt(frame[i]);
        assertBits(i, x, 1f / (1f + x));
      }
    }
  }

  @Test
  void shouldWriteNothingButItsOutput() {
    out.setMemory(0, out.capacity(), UNTOUCHED);
    byte[] before = bytesOf(in);

    kernel.apply(in, IN_OFFSET, out, OUT_OFFSET);

    for (int i = 0; i < OUT_OFFSET; i++) {
      assertThat(out.getByte(i)).as("byte %d", i).isEqualTo(UNTOUCHED);
    }
    for (int i = OUT_OFFSET + Frames.FLOAT_PAYLOAD_LENGTH; i < out.capacity(); i++) {
      assertThat(out.getByte(i)).as("byte %d", i).isEqualTo(UNTOUCHED);
    }
    assertThat(bytesOf(in)).isEqualTo(before);
  }

  private static byte[] bytesOf(DirectBuffer buffer) {
    byte[] bytes = new byte[buffer.capacity()];
    buffer.getBytes(0, bytes);
    return bytes;
  }

  private void assertBits(int element, int x, float expected) {
    int bits = out.getInt(OUT_OFFSET + element * Float.BYTES, ByteOrder.LITTLE_ENDIAN);
    if (bits != Float.floatToRawIntBits(expected)) {
      assertThat(Float.intBitsToFloat(bits))
          .as("element %d, byte %d", element, x)
          .isEqualTo(expected);
    }
  }
}
