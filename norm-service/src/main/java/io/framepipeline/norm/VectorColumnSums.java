package io.framepipeline.norm;

import io.framepipeline.common.frame.Frames;
import io.framepipeline.common.frame.Vectors;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * {@code float32[64][64] -> float32[64]}: the sum of the squares of each column, in the order that
 * {@link NormKernel} defines, with vectors of any width.
 */
final class VectorColumnSums {
  /** Bytes that one vector at most takes, a cache line: a quarter of a row. */
  private static final int QUARTER = 64;

  private static final int ROW = Frames.SIDE * Float.BYTES;

  /** Vector code is fast only where the compiler sees the species as a constant. */
  private static final VectorSpecies<Float> SPECIES =
      FloatVector.SPECIES_PREFERRED.vectorByteSize() <= QUARTER
          ? FloatVector.SPECIES_PREFERRED
          : FloatVector.SPECIES_512;

  private VectorColumnSums() {}

  /** Reads 4096 little-endian floats at an address and writes 64. */
  static void compute(long address, float[] sums) {
    long end = address + Frames.FLOAT_PAYLOAD_LENGTH;
    for (int first = 0; first < QUARTER; first += SPECIES.vectorByteSize()) {
      // One in each quarter of an even and of an odd row: enough to hide the latency of an
      // addition.
      FloatVector even0 = FloatVector.zero(SPECIES);
      FloatVector even1 = even0;
      FloatVector even2 = even0;
      FloatVector even3 = even0;
      FloatVector odd0 = even0;
      FloatVector odd1 = even0;
      FloatVector odd2 = even0;
      FloatVector odd3 = even0;
      for (long at = address + first; at < end; at += 2 * ROW) {
        even0 = even0.add(squares(at));
        even1 = even1.add(squares(at + QUARTER));
        even2 = even2.add(squares(at + 2 * QUARTER));
        even3 = even3.add(squares(at + 3 * QUARTER));
        odd0 = odd0.add(squares(at + ROW));
        odd1 = odd1.add(squares(at + ROW + QUARTER));
        odd2 = odd2.add(squares(at + ROW + 2 * QUARTER));
        odd3 = odd3.add(squares(at + ROW + 3 * QUARTER));
      }
      int column = first / Float.BYTES;
      even0.add(odd0).intoArray(sums, column);
      even1.add(odd1).intoArray(sums, column + QUARTER / Float.BYTES);
      even2.add(odd2).intoArray(sums, column + 2 * QUARTER / Float.BYTES);
      even3.add(odd3).intoArray(sums, column + 3 * QUARTER / Float.BYTES);
    }
  }

  private static FloatVector squares(long at) {
    FloatVector y =
        FloatVector.fromMemorySegment(SPECIES, Vectors.ALL_MEMORY, at, ByteOrder.LITTLE_ENDIAN);
    return y.mul(y);
  }
}
