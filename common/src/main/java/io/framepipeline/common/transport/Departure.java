package io.framepipeline.common.transport;

import io.framepipeline.common.linux.ProcessLiveness;
import io.framepipeline.common.topology.Stage;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.agrona.concurrent.status.CountersReader;

/**
 * Decides when a process that was told to stop may leave. All processes may be told at once, in any
 * order. So each works on while others need it to end: a stage works for the stages before it, the
 * media driver for every stage.
 *
 * <p>An instance leaves at once if another instance of its stage is open. Each announces that it is
 * {@linkplain InboxDirectory#STOPPING stopping} before it looks for an open one. So if all
 * instances of a stage are told at once, the last one to announce it finds none open, and stays.
 */
public final class Departure {
  /**
   * After this time, every process that was told to stop together with this one has announced it.
   */
  static final long NOTICE_NANOS = TimeUnit.MILLISECONDS.toNanos(500);

  /**
   * The longest time that a process works on. It ends before 30 s, after which supervisors may
   * kill.
   */
  static final long LIMIT_NANOS = TimeUnit.SECONDS.toNanos(20);

  /** The same for the driver, which the stages need until they have left. */
  static final long DRIVER_LIMIT_NANOS = TimeUnit.SECONDS.toNanos(25);

  private static final InboxWatch.Listener NOBODY = new InboxWatch.Listener() {};

  private final List<InboxWatch> peers;
  private final List<InboxWatch> upstream;
  private final long connectedNanos;
  private final long beginNanos;
  private final long deadlineNanos;
  private long nextLookNanos;
  private boolean isNeeded;

  private Departure(
      List<InboxWatch> peers,
      List<InboxWatch> upstream,
      long connectedNanos,
      long beginNanos,
      long deadlineNanos) {
    this.peers = peers;
    this.upstream = upstream;
    this.connectedNanos = connectedNanos;
    this.beginNanos = beginNanos;
    this.nextLookNanos = beginNanos;
    this.deadlineNanos = deadlineNanos;
  }

  /**
   * The departure of an instance that has just announced that it is stopping.
   *
   * @param connectedNanos when this connection was made
   * @param stopNanos when the instance was told to stop, perhaps during an earlier connection
   */
  public static Departure ofStage(
      Stage stage,
      DriverConnection connection,
      long connectedNanos,
      long stopNanos,
      long nowNanos) {
    return new Departure(
        List.of(new InboxWatch(connection, stage, NOBODY)),
        stage.upstream().stream().map(other -> new InboxWatch(connection, other, NOBODY)).toList(),
        connectedNanos,
        nowNanos,
        stopNanos + LIMIT_NANOS);
  }

  /**
   * For the media driver, which has just been told to stop. Returns when it may leave.
   *
   * @param counters the driver's own
   * @param startNanos when the driver started
   * @throws IOException if process liveness cannot be read
   */
  public static void awaitOfDriver(Path aeronDirectory, CountersReader counters, long startNanos)
      throws IOException {
    try (ProcessLiveness liveness = new ProcessLiveness(aeronDirectory)) {
      Departure departure = ofDriver(counters, liveness, startNanos, System.nanoTime());
      while (!departure.isDue(System.nanoTime())) {
        liveness.look();
        LockSupport.parkNanos(InboxWatch.INTERVAL_NANOS);
      }
    }
  }

  static Departure ofDriver(
      CountersReader counters, ProcessLiveness liveness, long startNanos, long nowNanos) {
    return new Departure(
        List.of(),
        Stage.ALL.stream().map(stage -> new InboxWatch(counters, liveness, stage, NOBODY)).toList(),
        startNanos,
        nowNanos,
        nowNanos + DRIVER_LIMIT_NANOS);
  }

  /** Whether the process may leave. Call this in each duty cycle. */
  public boolean isDue(long nowNanos) {
    if (nowNanos - nextLookNanos < 0) {
      return false;
    }
    nextLookNanos = nowNanos + InboxWatch.INTERVAL_NANOS;
    isNeeded = false;
    boolean isAnyThere = false;
    for (InboxWatch watch : upstream) {
      watch.doWork(nowNanos);
      isNeeded |= watch.isAnyEnding();
      isAnyThere |= watch.isAnyThere();
    }
    boolean isReplaced = false;
    for (InboxWatch watch : peers) {
      watch.doWork(nowNanos);
      isReplaced |= watch.isAnyOpen();
    }
    // Without an inbox in an earlier stage, count from the connection: that stage may be
    // connecting.
    long quietNanos = nowNanos - (isAnyThere ? beginNanos : connectedNanos);
    return isReplaced || nowNanos - deadlineNanos >= 0 || (!isNeeded && quietNanos >= NOTICE_NANOS);
  }

  /**
   * Whether an earlier stage was ending at the last look, and there is still time to wait for it.
   */
  public boolean isNeeded(long nowNanos) {
    return isNeeded && nowNanos - deadlineNanos < 0;
  }
}
