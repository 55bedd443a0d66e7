package io.framepipeline.reciprocal;

import io.framepipeline.common.wire.Frames;
import java.util.Random;
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

/** The reciprocals of a frame that is in cache. */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
public class ReciprocalBenchmark {
  private final UnsafeBuffer bytes =
      new UnsafeBuffer(
          BufferUtil.allocateDirectAligned(Frames.BYTE_PAYLOAD_LENGTH, BitUtil.CACHE_LINE_LENGTH));
  private final UnsafeBuffer floats =
      new UnsafeBuffer(
          BufferUtil.allocateDirectAligned(Frames.FLOAT_PAYLOAD_LENGTH, BitUtil.CACHE_LINE_LENGTH));

  private final ReciprocalKernel kernel = new ReciprocalKernel();

  @Setup
  public void fill() {
    byte[] random = new byte[Frames.BYTE_PAYLOAD_LENGTH];
    new Random(1).nextBytes(random);
    bytes.putBytes(0, random);
  }

  /** As the service computes them. */
  @Benchmark
  public UnsafeBuffer reciprocals() {
    kernel.apply(bytes, 0, floats, 0);
    return floats;
  }

  @Benchmark
  public UnsafeBuffer reciprocalsWithVectors() {
    VectorReciprocals.computeByVectors(bytes.addressOffset(), floats.addressOffset());
    return floats;
  }
}
