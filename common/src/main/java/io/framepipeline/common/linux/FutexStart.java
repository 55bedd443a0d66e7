package io.framepipeline.common.linux;

import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.LockSupport;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Links {@link Futex} some time after the start: it takes 80 ms of processor time, for which
 * whoever waits for the first frame should not wait. Where it is not to be had, it never is ready.
 */
public final class FutexStart {
  private static final Logger LOG = LoggerFactory.getLogger(FutexStart.class);
  private static final long DELAY_NANOS = TimeUnit.SECONDS.toNanos(1);
  private static final AtomicBoolean HAS_BEGUN = new AtomicBoolean();
  private static volatile boolean isReady;

  private FutexStart() {}

  public static void begin() {
    if (HAS_BEGUN.compareAndSet(false, true)) {
      Thread.ofPlatform().name("futex").daemon().start(FutexStart::run);
    }
  }

  /** Whether {@link Futex} can be used. */
  public static boolean isReady() {
    return isReady;
  }

  private static void run() {
    LockSupport.parkNanos(DELAY_NANOS);
    try {
      Futex.link();
      isReady = true;
    } catch (LinkageError e) {
      LOG.info("sleeps are short, since futex(2) is not to be had: {}", e.toString());
    }
  }
}
