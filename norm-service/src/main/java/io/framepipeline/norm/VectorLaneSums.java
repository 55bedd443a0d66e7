package io.framepipeline.norm;

import static io.framepipeline.norm.NormKernel.GROUP;
import static io.framepipeline.norm.NormKernel.LINE;

import io.framepipeline.common.frame.AllMemory;
import io.framepipeline.common.frame.Frames;
import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * {@code float32[256][16] -> float32[16]}: the sums of the squares of each lane, in the order that
 * {@link NormKernel} defines, with vectors of any width.
 */
final class VectorLaneSums {
  /** Vector code is fast only where the compiler sees the species as a constant. */
  private static final VectorSpecies<Float> SPECIES =
      FloatVector.SPECIES_PREFERRED.vectorByteSize() <= LINE
          ? FloatVector.SPECIES_PREFERRED
          : FloatVector.SPECIES_512;

  private VectorLaneSums() {}

  /**
   * Reads 4096 little-endian floats at an address and writes 16. In one method, since only methods
   * of the Vector API are sure to be inlined, and a vector that another returns is allocated. The
   * groups come in the order in which they lie, which is what fetches them ahead.
   */
  static void compute(long address, float[] sums) {
    MemorySegment all = AllMemory.SEGMENT;
    ByteOrder order = ByteOrder.LITTLE_ENDIAN;
    for (int first = 0; first < LINE; first += SPECIES.vectorByteSize()) {
      FloatVector sum = FloatVector.zero(SPECIES);
      FloatVector otherSum = FloatVector.zero(SPECIES);
      long start = address + first;
      for (int group = 0; group < Frames.FLOAT_PAYLOAD_LENGTH; group += GROUP) {
        long at = start + group;
        FloatVector y0 = FloatVector.fromMemorySegment(SPECIES, all, at, order);
        FloatVector y1 = FloatVector.fromMemorySegment(SPECIES, all, at + LINE, order);
        FloatVector y2 = FloatVector.fromMemorySegment(SPECIES, all, at + 2 * LINE, order);
        FloatVector y3 = FloatVector.fromMemorySegment(SPECIES, all, at + 3 * LINE, order);
        FloatVector y4 = FloatVector.fromMemorySegment(SPECIES, all, at + 4 * LINE, order);
        FloatVector y5 = FloatVector.fromMemorySegment(SPECIES, all, at + 5 * LINE, order);
        FloatVector y6 = FloatVector.fromMemorySegment(SPECIES, all, at + 6 * LINE, order);
        FloatVector y7 = FloatVector.fromMemorySegment(SPECIES, all, at + 7 * LINE, order);
        FloatVector sum01 = y0.mul(y0).add(y1.mul(y1));
        FloatVector sum23 = y2.mul(y2).add(y3.mul(y3));
        FloatVector sum45 = y4.mul(y4).add(y5.mul(y5));
        FloatVector sum67 = y6.mul(y6).add(y7.mul(y7));
        FloatVector next = otherSum;
        otherSum = sum.add(sum01.add(sum23).add(sum45.add(sum67)));
        sum = next;
      }
      sum.add(otherSum).intoArray(sums, first / Float.BYTES);
    }
  }
}
