package io.framepipeline.reciprocal;

import io.framepipeline.common.kernel.AllMemory;
import io.framepipeline.common.wire.Frames;
import java.nio.ByteOrder;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;

/**
 * {@code byte[4096] -> float32[4096]}: {@code 1f / (1f + x)} of each unsigned byte x. It divides,
 * since vectors divide faster than they look up a table.
 */
final class VectorReciprocals {
  // Vector code is fast only where the compiler sees the species as constants.
  private static final VectorSpecies<Float> FLOATS = FloatVector.SPECIES_PREFERRED;
  private static final VectorSpecies<Integer> INTS = FLOATS.withLanes(int.class);

  /** As many bytes as a vector has floats; but no vector is shorter than 64 bits. */
  private static final VectorSpecies<Byte> BYTES =
      VectorSpecies.of(
          byte.class, VectorShape.forBitSize(Math.max(Long.SIZE, FLOATS.length() * Byte.SIZE)));

  /** How many vectors of floats one vector of bytes makes. */
  private static final int PARTS = BYTES.length() / FLOATS.length();

  private VectorReciprocals() {}

  /** Reads 4096 bytes at an address and writes 4096 little-endian floats at another. */
  static void computeByVectors(long inAddress, long outAddress) {
    FloatVector one = FloatVector.broadcast(FLOATS, 1f);
    for (int i = 0; i < Frames.ELEMENTS; i += BYTES.length()) {
      ByteVector x =
          ByteVector.fromMemorySegment(
              BYTES, AllMemory.SEGMENT, inAddress + i, ByteOrder.LITTLE_ENDIAN);
      for (int part = 0; part < PARTS; part++) {
        IntVector unsigned =
            (IntVector) x.convertShape(VectorOperators.ZERO_EXTEND_B2I, INTS, part);
        FloatVector y = (FloatVector) unsigned.convertShape(VectorOperators.I2F, FLOATS, 0);
        long to = outAddress + (i + part * FLOATS.length()) * (long) Float.BYTES;
        one.div(y.add(one)).intoMemorySegment(AllMemory.SEGMENT, to, ByteOrder.LITTLE_ENDIAN);
      }
    }
  }
}
