package io.framepipeline.reciprocal;

import io.framepipeline.common.kernel.Kernel;
import io.framepipeline.common.kernel.VectorWarmUp;
import io.framepipeline.common.wire.Frames;
import java.nio.ByteBuffer;
import org.agrona.DirectBuffer;
import org.agrona.MutableDirectBuffer;
import org.agrona.concurrent.UnsafeBuffer;

/**
 * {@code byte[4096] -> float32[4096]}: each unsigned byte x becomes {@code 1f / (1f + x)}.
 *
 * <p>The kernel computes in IEEE 754 binary32, whose addition and division are exactly rounded. So
 * the results are NumPy's, to the bit. Without vectors the kernel looks up the 256 results.
 */
public final class ReciprocalKernel implements Kernel {
  private static final int BYTE_VALUES = 256;

  private static final float[] RECIPROCALS = new float[BYTE_VALUES];

  static {
    for (int x = 0; x < BYTE_VALUES; x++) {
      RECIPROCALS[x] = 1f / (1f + x);
    }
  }

  private final VectorWarmUp warmUp = startWarmUp();

  /**
   * Reads 4096 bytes at {@code inOffset} and writes 4096 little-endian floats at {@code outOffset};
   * both buffers are off-heap.
   */
  @Override
  public void apply(DirectBuffer in, int inOffset, MutableDirectBuffer out, int outOffset) {
    if (warmUp.isVectorFast()) {
      VectorReciprocals.computeByVectors(
          in.addressOffset() + inOffset, out.addressOffset() + outOffset);
    } else {
      lookUp(in, inOffset, out, outOffset);
    }
  }

  @Override
  public boolean isWarm() {
    return warmUp.isOver();
  }

  /** Computes the same as {@link VectorReciprocals}, without vectors. */
  static void lookUp(DirectBuffer in, int offset, MutableDirectBuffer out, int outOffset) {
    for (int i = 0; i < Frames.ELEMENTS; i += Long.BYTES) {
      long eight = in.getLong(offset + i);
      int to = outOffset + i * Float.BYTES;
      out.putFloat(to, RECIPROCALS[(int) eight & 0xFF]);
      out.putFloat(to + 4, RECIPROCALS[(int) (eight >>> 8) & 0xFF]);
      out.putFloat(to + 8, RECIPROCALS[(int) (eight >>> 16) & 0xFF]);
      out.putFloat(to + 12, RECIPROCALS[(int) (eight >>> 24) & 0xFF]);
      out.putFloat(to + 16, RECIPROCALS[(int) (eight >>> 32) & 0xFF]);
      out.putFloat(to + 20, RECIPROCALS[(int) (eight >>> 40) & 0xFF]);
      out.putFloat(to + 24, RECIPROCALS[(int) (eight >>> 48) & 0xFF]);
      out.putFloat(to + 28, RECIPROCALS[(int) (eight >>> 56) & 0xFF]);
    }
  }

  private static VectorWarmUp startWarmUp() {
    UnsafeBuffer in = new UnsafeBuffer(ByteBuffer.allocateDirect(Frames.BYTE_PAYLOAD_LENGTH));
    UnsafeBuffer out = new UnsafeBuffer(ByteBuffer.allocateDirect(Frames.FLOAT_PAYLOAD_LENGTH));
    return VectorWarmUp.start(
        () -> VectorReciprocals.computeByVectors(in.addressOffset(), out.addressOffset()));
  }
}
