package io.framepipeline.norm;

import static io.framepipeline.norm.NormKernel.GROUP;
import static io.framepipeline.norm.NormKernel.LINE;

import io.framepipeline.common.frame.AllMemory;
import io.framepipeline.common.frame.Frames;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * {@code float32[256][16] -> float32[16]}: the sum of the squares of each lane, in the order that
 * {@link NormKernel} defines, with vectors of any width.
 */
final class VectorLaneSums {
  /** Vector code is fast only where the compiler sees the species as a constant. */
  private static final VectorSpecies<Float> SPECIES =
      FloatVector.SPECIES_PREFERRED.vectorByteSize() <= LINE
          ? FloatVector.SPECIES_PREFERRED
          : FloatVector.SPECIES_512;

  private VectorLaneSums() {}

  /** Reads 4096 little-endian floats at an address and writes 16. */
  static void compute(long address, float[] sums) {
    for (int first = 0; first < LINE; first += SPECIES.vectorByteSize()) {
      FloatVector sum0 = FloatVector.zero(SPECIES);
      FloatVector sum1 = sum0;
      long start = address + first;
      for (int at = 0; at < Frames.FLOAT_PAYLOAD_LENGTH; at += 2 * GROUP) {
        sum0 = sum0.add(sumOfGroup(start + at));
        sum1 = sum1.add(sumOfGroup(start + at + GROUP));
      }
      sum0.add(sum1).intoArray(sums, first / Float.BYTES);
    }
  }

  private static FloatVector sumOfGroup(long at) {
    FloatVector sum01 = squares(at).add(squares(at + LINE));
    FloatVector sum23 = squares(at + 2 * LINE).add(squares(at + 3 * LINE));
    FloatVector sum45 = squares(at + 4 * LINE).add(squares(at + 5 * LINE));
    FloatVector sum67 = squares(at + 6 * LINE).add(squares(at + 7 * LINE));
    return sum01.add(sum23).add(sum45.add(sum67));
  }

  private static FloatVector squares(long at) {
    FloatVector y =
        FloatVector.fromMemorySegment(SPECIES, AllMemory.SEGMENT, at, ByteOrder.LITTLE_ENDIAN);
    return y.mul(y);
  }
}
