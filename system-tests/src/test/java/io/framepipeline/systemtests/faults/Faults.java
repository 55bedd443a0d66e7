package io.framepipeline.systemtests.faults;

import io.framepipeline.common.transport.FrameClaim;
import java.nio.ByteOrder;
import java.util.HashSet;
import java.util.OptionalLong;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.agrona.DirectBuffer;
import org.agrona.MutableDirectBuffer;

/**
 * What the instrumented methods call: lets the faults happen that the plan has for this process.
 * Frames are known by their number, which is their first four bytes and, with one reader of one
 * file, their sequence.
 */
public final class Faults {
  /** As after SIGKILL. */
  private static final int EXIT_CODE = 137;

  /** A slowed process that was not scheduled in time makes up for so much. */
  private static final long CATCH_UP_NANOS = TimeUnit.MILLISECONDS.toNanos(100);

  static FaultPlan plan;

  private static final Set<Long> LOST_ANSWERS = new HashSet<>();
  private static long dueNanos;
  private static boolean isSlow;

  private Faults() {}

  /** At the start of {@code ReaderSession.commit}. */
  public static void beforeCommit(FrameClaim claim, long sequence, int frameCount) {
    for (int i = 0; i < frameCount; i++) {
      onFrame(FaultPoint.READER, sequence + i);
    }
  }

  /** At the start of {@code ReciprocalKernel.apply}. */
  public static void beforeReciprocal(
      DirectBuffer in, int offset, MutableDirectBuffer out, int outOffset) {
    onFrame(FaultPoint.RECIPROCAL, in.getInt(offset, ByteOrder.BIG_ENDIAN));
  }

  /** At the start of {@code NormKernel.apply}. */
  public static void beforeNorm(DirectBuffer in, int offset) {
    int number = 0;
    for (int i = 0; i < Integer.BYTES; i++) {
      float reciprocal = in.getFloat(offset + i * Float.BYTES, ByteOrder.LITTLE_ENDIAN);
      number = number << Byte.SIZE | Math.round(1 / reciprocal - 1);
    }
    onFrame(FaultPoint.NORM, number);
  }

  /** At the start of {@code Answers.add}: true if this answer is to be lost. */
  public static boolean losesAnswer(long sequence, double norm, long nowNanos) {
    OptionalLong every = plan.ofStage(FaultPoint.ANSWER, "loseOnceEvery");
    return every.isPresent() && sequence % every.getAsLong() == 0 && LOST_ANSWERS.add(sequence);
  }

  private static void onFrame(FaultPoint stage, long number) {
    slowDown(stage);
    OptionalLong poison = plan.ofStage(stage, "poison");
    OptionalLong once = plan.ofStage(stage, "haltOnce");
    if ((poison.isPresent() && number == poison.getAsLong())
        || (once.isPresent() && number == once.getAsLong() && plan.isFirst(stage, "haltOnce"))) {
      Runtime.getRuntime().halt(EXIT_CODE);
    }
  }

  /** By a schedule, so that a machine that wakes threads late does not slow down further. */
  private static void slowDown(FaultPoint stage) {
    OptionalLong ofProcess = plan.ofProcess("slowMicros");
    OptionalLong slowMicros = ofProcess.isPresent() ? ofProcess : plan.ofStage(stage, "slowMicros");
    if (slowMicros.isEmpty()) {
      isSlow = false;
      return;
    }
    long nowNanos = System.nanoTime();
    if (!isSlow || nowNanos - dueNanos > CATCH_UP_NANOS) {
      isSlow = true;
      dueNanos = nowNanos;
    }
    dueNanos += TimeUnit.MICROSECONDS.toNanos(slowMicros.getAsLong());
    for (long waitNanos = dueNanos - nowNanos;
        waitNanos > 0;
        waitNanos = dueNanos - System.nanoTime()) {
      LockSupport.parkNanos(waitNanos);
    }
  }
}
