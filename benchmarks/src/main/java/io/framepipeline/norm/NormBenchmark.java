package io.framepipeline.norm;

import io.framepipeline.common.wire.Frames;
import java.util.concurrent.TimeUnit;
import org.agrona.BitUtil;
import org.agrona.BufferUtil;
import org.agrona.concurrent.UnsafeBuffer;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;

/** The norm of a frame that is in cache. */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
public class NormBenchmark {
  private final UnsafeBuffer frame =
      new UnsafeBuffer(
          BufferUtil.allocateDirectAligned(Frames.FLOAT_PAYLOAD_LENGTH, BitUtil.CACHE_LINE_LENGTH));
  private final float[] laneSums = new float[NormKernel.LANES];
  private final NormKernel kernel = new NormKernel();

  @Setup
  public void fill() {
    for (int i = 0; i < Frames.ELEMENTS; i++) {
      frame.putFloat(i * Float.BYTES, 1f / (1 + (i & 0xff)));
    }
  }

  /** As the service computes it. */
  @Benchmark
  public double norm() {
    return kernel.apply(frame, 0);
  }

  @Benchmark
  public float[] laneSumsWithVectors() {
    VectorLaneSums.computeByVectors(frame.addressOffset(), laneSums);
    return laneSums;
  }

  @Benchmark
  public float[] laneSumsWithoutVectors() {
    NormKernel.computeLaneSums(frame, 0, laneSums);
    return laneSums;
  }
}
