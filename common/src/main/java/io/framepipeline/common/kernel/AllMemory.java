package io.framepipeline.common.kernel;

import java.lang.foreign.MemorySegment;

/**
 * All memory as one segment, so that vectors can be loaded from an address. A segment made for each
 * call would be allocated or not, depending on what the compiler inlines.
 */
public final class AllMemory {
  public static final MemorySegment SEGMENT = segment();

  private AllMemory() {}

  /** Restricted, since nothing keeps a wrong address from crashing the JVM. */
  @SuppressWarnings("restricted")
  private static MemorySegment segment() {
    return MemorySegment.NULL.reinterpret(Long.MAX_VALUE);
  }
}
