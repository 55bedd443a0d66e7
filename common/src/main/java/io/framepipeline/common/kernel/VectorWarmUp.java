package io.framepipeline.common.kernel;

import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.LongSupplier;

/**
 * Decides when a kernel switches from scalar code to vector code, which uses the Vector API. Both
 * compute the same bits, so either will do at any time.
 *
 * <p>Until vector code is compiled it takes a thousand times as long. So a thread of its own warms
 * it up beside the start of the service, which takes no frames before. Where the CPU lacks
 * something that vector code needs, it never is fast.
 *
 * <p>The Vector API is an incubator module. A JVM has it only if it was started with {@code
 * --add-modules jdk.incubator.vector}. Only classes that are loaded if it is there may name its
 * types.
 */
public final class VectorWarmUp {
  /** Many times what a frame takes in compiled code, and a hundredth of what it takes before. */
  private static final long FAST_NANOS = TimeUnit.MICROSECONDS.toNanos(20);

  /** A third of the time, so that the warm-up leaves a CPU to compilers and to other starts. */
  private static final int SHARE = 3;

  private static final long MAX_PAUSE_NANOS = TimeUnit.MILLISECONDS.toNanos(5);

  /**
   * The service waits for so many frames. They take half a second, and compiled code needs a tenth
   * of them. Not by the clock: a process that was stopped meanwhile, or starved, has not warmed up.
   */
  private static final int AWAITED_FRAMES = 200;

  private static final int MAX_FRAMES = 4000;

  private volatile boolean isVectorFast;
  private volatile boolean isOver;

  VectorWarmUp() {}

  /**
   * Begins to warm up, if this JVM has the Vector API.
   *
   * @param vector computes one frame; not called, and its classes not loaded, without the API
   */
  public static VectorWarmUp start(Runnable vector) {
    VectorWarmUp warmUp = new VectorWarmUp();
    if (ModuleLayer.boot().findModule("jdk.incubator.vector").isPresent()) {
      Thread.ofPlatform().name("warm-up").daemon().start(() -> warmUp.run(vector));
    } else {
      warmUp.isOver = true;
    }
    return warmUp;
  }

  /** Whether vector code has turned out to be fast. */
  public boolean isVectorFast() {
    return isVectorFast;
  }

  /** Whether vector code is fast, or a service should not wait for it any longer. */
  public boolean isOver() {
    return isOver;
  }

  void run(Runnable vector) {
    LongSupplier nanos = () -> nanosOfFrame(vector);
    try {
      isVectorFast = isFast(nanos, AWAITED_FRAMES);
    } finally {
      // If vector code fails, the service computes without it.
      isOver = true;
    }
    isVectorFast = isVectorFast || isFast(nanos, MAX_FRAMES);
  }

  /**
   * Computes frames until one is fast.
   *
   * @return false if none of so many was
   */
  static boolean isFast(LongSupplier nanosOfFrame, int maxFrames) {
    for (int frame = 0; frame < maxFrames; frame++) {
      long nanos = nanosOfFrame.getAsLong();
      if (nanos < FAST_NANOS) {
        return true;
      }
      LockSupport.parkNanos(Math.min((SHARE - 1) * nanos, MAX_PAUSE_NANOS));
    }
    return false;
  }

  private static long nanosOfFrame(Runnable kernel) {
    long startNanos = System.nanoTime();
    kernel.run();
    return System.nanoTime() - startNanos;
  }
}
