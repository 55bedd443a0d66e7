package io.framepipeline.common.kernel;

import org.agrona.DirectBuffer;
import org.agrona.MutableDirectBuffer;

/** What a middle stage computes: from one frame's payload the payload for the next stage. */
@FunctionalInterface
public interface Kernel {
  /**
   * Computes one frame; keeps nothing, allocates nothing, and throws nothing whatever the bytes
   * are. Lengths are those of the stage's input and output. Both buffers are off-heap, and both
   * payloads begin on a cache line.
   *
   * @param in the payload, from {@code inOffset} on; it may be overwritten meanwhile, and the
   *     result is then dropped
   * @param out where to write the result, from {@code outOffset} on
   */
  void apply(DirectBuffer in, int inOffset, MutableDirectBuffer out, int outOffset);

  /** Whether frames may come: a kernel is slow until it is compiled. Once true, always true. */
  default boolean isWarm() {
    return true;
  }
}
