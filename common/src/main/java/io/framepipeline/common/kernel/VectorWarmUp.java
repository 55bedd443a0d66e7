package io.framepipeline.common.kernel;

import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.LongSupplier;

/**
 * Decides when a kernel switches from scalar code to vector code, which uses the Vector API. Both
 * compute the same bits, so either will do at any time.
 *
 * <p>Until vector code is compiled it takes a thousand times as long. So a thread of its own warms
 * it up beside the work, and says when it is faster than scalar code. Where the processor lacks
 * something that vector code needs, it never is.
 *
 * <p>The Vector API is an incubator module. A JVM has it only if it was started with {@code
 * --add-modules jdk.incubator.vector}. Only classes that are loaded if it is there may name its
 * types.
 */
public final class VectorWarmUp {
  /** From the making of the kernel on: the start of the service goes ahead, as it is waited for. */
  private static final long DELAY_NANOS = TimeUnit.MILLISECONDS.toNanos(200);

  /** Of one attempt; far more than a frame takes once the code is compiled. */
  private static final long ATTEMPT_NANOS = TimeUnit.MILLISECONDS.toNanos(2);

  /** A quarter of the time, so that the warm-up leaves a core to other processes that start. */
  private static final int SHARE = 4;

  /**
   * Some 16 s, if nothing holds it up. Not by the clock: a process that was stopped meanwhile, or
   * starved, has not warmed up.
   */
  private static final int MAX_ATTEMPTS = 1000;

  private static final long MAX_PAUSE_NANOS = TimeUnit.MILLISECONDS.toNanos(50);

  private volatile boolean isVectorFaster;

  private VectorWarmUp() {}

  /**
   * Begins to warm up, if this JVM has the Vector API.
   *
   * @param scalar computes one frame
   * @param vector computes one frame; not called, and its classes not loaded, without the API
   */
  public static VectorWarmUp start(Runnable scalar, Runnable vector) {
    VectorWarmUp warmUp = new VectorWarmUp();
    if (ModuleLayer.boot().findModule("jdk.incubator.vector").isPresent()) {
      Thread.ofPlatform().name("warm-up").daemon().start(() -> warmUp.run(scalar, vector));
    }
    return warmUp;
  }

  /** Whether vector code has turned out to be faster than scalar code. */
  public boolean isVectorFaster() {
    return isVectorFaster;
  }

  private void run(Runnable scalar, Runnable vector) {
    LockSupport.parkNanos(DELAY_NANOS);
    isVectorFaster =
        isFaster(() -> nanosPerFrame(vector), () -> nanosPerFrame(scalar), MAX_ATTEMPTS);
  }

  /**
   * Measures until vector code is faster than scalar code was at its best.
   *
   * @return false if it still was not after so many attempts
   */
  static boolean isFaster(LongSupplier vectorNanos, LongSupplier scalarNanos, int maxAttempts) {
    long bestScalarNanos = Long.MAX_VALUE;
    for (int attempt = 0; attempt < maxAttempts; attempt++) {
      long startNanos = System.nanoTime();
      bestScalarNanos = Math.min(bestScalarNanos, scalarNanos.getAsLong());
      if (vectorNanos.getAsLong() < bestScalarNanos) {
        return true;
      }
      long pauseNanos = (SHARE - 1) * (System.nanoTime() - startNanos);
      LockSupport.parkNanos(Math.min(pauseNanos, MAX_PAUSE_NANOS));
    }
    return false;
  }

  private static long nanosPerFrame(Runnable kernel) {
    long startNanos = System.nanoTime();
    long elapsedNanos;
    int frames = 0;
    do {
      kernel.run();
      frames++;
      elapsedNanos = System.nanoTime() - startNanos;
    } while (elapsedNanos < ATTEMPT_NANOS);
    return elapsedNanos / frames;
  }
}
