package io.framepipeline.common.kernel;

import org.agrona.DirectBuffer;

/** What the last stage computes: from one frame's payload the number that answers the frame. */
@FunctionalInterface
public interface ScalarKernel {
  /**
   * Computes one frame; see {@link Kernel#apply}.
   *
   * @return the answer; a frame whose answer is not finite is rejected
   */
  double apply(DirectBuffer in, int inOffset);

  /** Whether frames may come: a kernel is slow until it is compiled. Once true, always true. */
  default boolean isWarm() {
    return true;
  }
}
