package io.framepipeline.norm;

import static io.framepipeline.norm.NormKernel.GROUP;
import static io.framepipeline.norm.NormKernel.LINE;

import io.framepipeline.common.kernel.AllMemory;
import io.framepipeline.common.wire.Frames;
import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * {@code float32[256][16] -> float32[16]}: the sums of the squares of each lane, in the order that
 * {@link NormKernel} defines, with vectors of at most half a line.
 */
final class VectorLaneSums {
  private static final int HALF_LINE = LINE / 2;

  /**
   * Vector code is fast only where the compiler sees the species as a constant. The code adds up
   * two vectors side by side at once, so that it fetches each line only once. A line mostly comes
   * from another core, which takes longer than adding it up.
   */
  private static final VectorSpecies<Float> SPECIES =
      FloatVector.SPECIES_PREFERRED.vectorByteSize() <= HALF_LINE
          ? FloatVector.SPECIES_PREFERRED
          : FloatVector.SPECIES_256;

  private static final int WIDTH = SPECIES.vectorByteSize();

  private VectorLaneSums() {}

  /**
   * Reads 4096 little-endian floats at an address and writes 16. All of it is one method: only
   * methods of the Vector API are sure to be inlined, and a vector that any other method returns is
   * allocated. It reads the groups in memory order, so that the CPU fetches them ahead.
   */
  static void computeByVectors(long address, float[] sums) {
    MemorySegment all = AllMemory.SEGMENT;
    ByteOrder order = ByteOrder.LITTLE_ENDIAN;
    for (int first = 0; first < LINE; first += 2 * WIDTH) {
      FloatVector leftSum = FloatVector.zero(SPECIES);
      FloatVector otherLeftSum = FloatVector.zero(SPECIES);
      FloatVector rightSum = FloatVector.zero(SPECIES);
      FloatVector otherRightSum = FloatVector.zero(SPECIES);
      long start = address + first;
      for (int group = 0; group < Frames.FLOAT_PAYLOAD_LENGTH; group += GROUP) {
        long left = start + group;
        FloatVector l0 = FloatVector.fromMemorySegment(SPECIES, all, left, order);
        FloatVector l1 = FloatVector.fromMemorySegment(SPECIES, all, left + LINE, order);
        FloatVector l2 = FloatVector.fromMemorySegment(SPECIES, all, left + 2 * LINE, order);
        FloatVector l3 = FloatVector.fromMemorySegment(SPECIES, all, left + 3 * LINE, order);
        FloatVector l4 = FloatVector.fromMemorySegment(SPECIES, all, left + 4 * LINE, order);
        FloatVector l5 = FloatVector.fromMemorySegment(SPECIES, all, left + 5 * LINE, order);
        FloatVector l6 = FloatVector.fromMemorySegment(SPECIES, all, left + 6 * LINE, order);
        FloatVector l7 = FloatVector.fromMemorySegment(SPECIES, all, left + 7 * LINE, order);
        FloatVector lSum01 = l0.mul(l0).add(l1.mul(l1));
        FloatVector lSum23 = l2.mul(l2).add(l3.mul(l3));
        FloatVector lSum45 = l4.mul(l4).add(l5.mul(l5));
        FloatVector lSum67 = l6.mul(l6).add(l7.mul(l7));
        FloatVector nextLeftSum = otherLeftSum;
        otherLeftSum = leftSum.add(lSum01.add(lSum23).add(lSum45.add(lSum67)));
        leftSum = nextLeftSum;
        long right = left + WIDTH;
        FloatVector r0 = FloatVector.fromMemorySegment(SPECIES, all, right, order);
        FloatVector r1 = FloatVector.fromMemorySegment(SPECIES, all, right + LINE, order);
        FloatVector r2 = FloatVector.fromMemorySegment(SPECIES, all, right + 2 * LINE, order);
        FloatVector r3 = FloatVector.fromMemorySegment(SPECIES, all, right + 3 * LINE, order);
        FloatVector r4 = FloatVector.fromMemorySegment(SPECIES, all, right + 4 * LINE, order);
        FloatVector r5 = FloatVector.fromMemorySegment(SPECIES, all, right + 5 * LINE, order);
        FloatVector r6 = FloatVector.fromMemorySegment(SPECIES, all, right + 6 * LINE, order);
        FloatVector r7 = FloatVector.fromMemorySegment(SPECIES, all, right + 7 * LINE, order);
        FloatVector rSum01 = r0.mul(r0).add(r1.mul(r1));
        FloatVector rSum23 = r2.mul(r2).add(r3.mul(r3));
        FloatVector rSum45 = r4.mul(r4).add(r5.mul(r5));
        FloatVector rSum67 = r6.mul(r6).add(r7.mul(r7));
        FloatVector nextRightSum = otherRightSum;
        otherRightSum = rightSum.add(rSum01.add(rSum23).add(rSum45.add(rSum67)));
        rightSum = nextRightSum;
      }
      leftSum.add(otherLeftSum).intoArray(sums, first / Float.BYTES);
      rightSum.add(otherRightSum).intoArray(sums, (first + WIDTH) / Float.BYTES);
    }
  }
}
