package io.framepipeline.common.transport;

import io.framepipeline.common.linux.Futex;
import io.framepipeline.common.linux.OwnFiles;
import java.io.IOException;
import java.lang.invoke.VarHandle;
import java.nio.channels.FileChannel;
import java.nio.channels.FileChannel.MapMode;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.agrona.BitUtil;
import org.agrona.BufferUtil;
import org.agrona.concurrent.IdleStrategy;
import org.agrona.concurrent.UnsafeBuffer;

/**
 * Wakes processes that sleep until there is work for them. Each process has a word, its doorbell,
 * in a file beside the media driver's directory. All processes map this file. The word is even
 * while its process is awake, and odd while the process sleeps on it or is about to. A sender wakes
 * the receiver by its doorbell. While the receiver is awake, that costs only the reading of a word.
 *
 * <p>A blocked sender sets its bit in the want-room set. A receiver that has read wakes that set,
 * and so does the driver when it has moved limits. A reader that waits for answers sets its bit in
 * the want-answers set. A process that sends answers wakes that set.
 *
 * <p>A doorbell is a hint. Two processes may share one, and are then woken together. A process that
 * is not woken looks for work after a few milliseconds.
 */
public final class Doorbells {
  /**
   * The number of clients' doorbells. A client may use any of them. Each has one bit in a want set.
   */
  private static final int COUNT = Long.SIZE;

  private static final int DRIVER = COUNT;
  private static final int WANT_ROOM_OFFSET = offset(COUNT + 1);
  private static final int WANT_ANSWERS_OFFSET = offset(COUNT + 2);
  private static final int LENGTH = offset(COUNT + 3);

  private static final long NANOS_PER_SECOND = TimeUnit.SECONDS.toNanos(1);

  /** The longest sleep. Work that is due at a certain time is never due sooner than this. */
  private static final long MAX_SLEEP_NANOS = TimeUnit.MILLISECONDS.toNanos(2);

  /**
   * In silence a process sleeps longer: there is less to look for, and each look costs CPU time.
   */
  private static final int SILENT_SLEEP_FACTOR = 4;

  /**
   * Silence begins after this many sleeps, which take a second. A little work now and then does not
   * end it.
   */
  private static final int SLEEPS_UNTIL_SILENCE = 500;

  private static final int SLEEPS_PER_WORK = 50;

  /** The time between two looks for work where processes cannot be woken. */
  private static final long POLL_NANOS = TimeUnit.MICROSECONDS.toNanos(50);

  private final UnsafeBuffer words;

  /** Set in the constructor, because linking the system call takes tens of milliseconds. */
  private final boolean canSleep = Futex.IS_AVAILABLE;

  private final int own;

  private Doorbells(Path aeronDirectory, int own) throws IOException {
    this.own = own;
    try (FileChannel file = OwnFiles.openOrCreate(file(aeronDirectory))) {
      if (file.size() < LENGTH) {
        OwnFiles.writeZeros(file, LENGTH);
      }
      // Never unmapped explicitly: the reading thread may wake others while the connection closes.
      words = new UnsafeBuffer(file.map(MapMode.READ_WRITE, 0, LENGTH));
    }
  }

  /** The doorbells of a driver's clients, for one of them. */
  static Doorbells ofClient(Path aeronDirectory, long clientId) throws IOException {
    return new Doorbells(aeronDirectory, (int) clientId & (COUNT - 1));
  }

  /** The doorbells of a driver's clients, for the driver. */
  public static Doorbells ofDriver(Path aeronDirectory) throws IOException {
    return new Doorbells(aeronDirectory, DRIVER);
  }

  /** The file of the doorbells; it outlives drivers. */
  static Path file(Path aeronDirectory) {
    return aeronDirectory.resolveSibling(aeronDirectory.getFileName() + ".doorbells");
  }

  /** The number of this process's doorbell. */
  int own() {
    return own;
  }

  /**
   * Wakes the process with this doorbell, if it sleeps. It then sees all that was done before this
   * call. The number comes from shared memory. Whatever it is, its lowest bits name a doorbell.
   */
  void ring(int doorbell) {
    wake(doorbell & (COUNT - 1));
  }

  private void wake(int doorbell) {
    // Either this thread sees that the other is about to sleep, or the other looks once more and
    // sees the work.
    VarHandle.fullFence();
    int offset = offset(doorbell);
    int value = words.getIntVolatile(offset);
    if (isAsleep(value) && canSleep && words.compareAndSetInt(offset, value, value + 1)) {
      Futex.wake(words.addressOffset() + offset);
    }
  }

  /** Wakes this process's duty cycle, from another of its threads. */
  public void ringOwn() {
    wake(own);
  }

  /** Wakes the driver, to move limits. */
  void ringDriver() {
    wake(DRIVER);
  }

  /**
   * Adds this process to the want-room set, so that it is woken when there may be room. Then the
   * caller must check whether the driver has a limit to move, and wake it if so: receivers may have
   * read, and woken others, before this call.
   */
  void wantRoom() {
    want(WANT_ROOM_OFFSET);
  }

  /** Wakes the want-room set, because there may be room. Returns whether any process was in it. */
  public boolean wakeWantingRoom() {
    return ringWanting(WANT_ROOM_OFFSET);
  }

  /**
   * Adds this process to the want-answers set: the next answers wake it, whichever reader they are
   * for.
   */
  public void wantAnswers() {
    want(WANT_ANSWERS_OFFSET);
  }

  /** Wakes the want-answers set after answers were sent. */
  public void wakeWantingAnswers() {
    ringWanting(WANT_ANSWERS_OFFSET);
  }

  private void want(int setOffset) {
    long bit = 1L << own;
    long value = words.getLongVolatile(setOffset);
    while ((value & bit) == 0 && !words.compareAndSetLong(setOffset, value, value | bit)) {
      value = words.getLongVolatile(setOffset);
    }
    VarHandle.fullFence();
  }

  private boolean ringWanting(int setOffset) {
    // Either this thread sees the other's bit, or the other looks after setting it and sees the
    // work.
    VarHandle.fullFence();
    if (words.getLongVolatile(setOffset) == 0) {
      return false;
    }
    long wanted = words.getAndSetLong(setOffset, 0);
    for (; wanted != 0; wanted &= wanted - 1) {
      wake(Long.numberOfTrailingZeros(wanted));
    }
    return true;
  }

  /**
   * Returns a strategy, for one thread, that sleeps until this process is woken by its doorbell.
   */
  public IdleStrategy newIdleStrategy() {
    return newIdleStrategy(MAX_SLEEP_NANOS);
  }

  IdleStrategy newIdleStrategy(long maxSleepNanos) {
    return new Sleep(maxSleepNanos);
  }

  private static boolean isAsleep(int value) {
    return (value & 1) != 0;
  }

  private static int offset(int doorbell) {
    return doorbell * BitUtil.CACHE_LINE_LENGTH;
  }

  /**
   * The first call to {@link #idle()} announces a sleep. If the duty cycle then finds no work, the
   * next call sleeps. So no work is missed.
   */
  private final class Sleep implements IdleStrategy {
    private final int offset = offset(own);
    private boolean isAnnounced;

    private final UnsafeBuffer maxSleep;
    private final UnsafeBuffer maxSilentSleep;
    private int announced;
    private int sleeps;

    Sleep(long maxSleepNanos) {
      maxSleep = timespec(maxSleepNanos);
      maxSilentSleep = timespec(SILENT_SLEEP_FACTOR * maxSleepNanos);
    }

    /** A {@code struct timespec}. */
    private static UnsafeBuffer timespec(long nanos) {
      UnsafeBuffer timespec =
          new UnsafeBuffer(
              BufferUtil.allocateDirectAligned(2 * BitUtil.SIZE_OF_LONG, BitUtil.SIZE_OF_LONG));
      timespec.putLong(0, nanos / NANOS_PER_SECOND);
      timespec.putLong(BitUtil.SIZE_OF_LONG, nanos % NANOS_PER_SECOND);
      return timespec;
    }

    @Override
    public void idle(int workCount) {
      if (workCount > 0) {
        reset();
      } else {
        idle();
      }
    }

    @Override
    public void idle() {
      if (!canSleep) {
        LockSupport.parkNanos(POLL_NANOS);
      } else if (isAnnounced) {
        isAnnounced = false;
        sleeps = Math.min(sleeps + 1, SLEEPS_UNTIL_SILENCE);
        UnsafeBuffer limit = sleeps < SLEEPS_UNTIL_SILENCE ? maxSleep : maxSilentSleep;
        Futex.await(words.addressOffset() + offset, announced, limit.addressOffset());
      } else {
        isAnnounced = true;
        announced = announce();
      }
    }

    @Override
    public void reset() {
      sleeps = Math.max(sleeps - SLEEPS_PER_WORK, 0);
      isAnnounced = false;
    }

    private int announce() {
      int value = words.getIntVolatile(offset);
      while (!isAsleep(value) && !words.compareAndSetInt(offset, value, value + 1)) {
        value = words.getIntVolatile(offset);
      }
      return value | 1;
    }
  }
}
