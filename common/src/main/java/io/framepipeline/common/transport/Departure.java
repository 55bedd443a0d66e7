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
 * When a process that was told to stop may leave. All may be told at once and in any order, so each
 * works on for those that need it to end: a stage for those that frames pass before it, the media
 * driver for every stage.
 *
 * <p>One that is not the last of its stage leaves at once. Each says that it is {@linkplain
 * InboxDirectory#STOPPING stopping} before it looks for another that is not. So of those told at
 * once the last one to say so finds none, and stays.
 */
public final class Departure {
  /** So long after a process was told to stop, those that are told with it have said so. */
  static final long NOTICE_NANOS = TimeUnit.MILLISECONDS.toNanos(500);

  /** How long it works on at most: ends in time before 30 s, when the impatient kill. */
  static final long LIMIT_NANOS = TimeUnit.SECONDS.toNanos(20);

  /** The same for the driver, which the others need to leave. */
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
   * Of an instance that has just said that it is stopping.
   *
   * @param connectedNanos since when there is this connection
   * @param stopNanos when it was told to stop, perhaps on an earlier connection
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
   * Of the media driver, which has just been told to stop: returns when it may.
   *
   * @param counters the driver's own
   * @param startNanos when it started
   * @throws IOException if it cannot be seen who is alive
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

  /** Whether it may leave; to be asked in each duty cycle. */
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
    // After a new connection they may be about to make one, too.
    long quietNanos = nowNanos - (isAnyThere ? beginNanos : connectedNanos);
    return isReplaced || nowNanos - deadlineNanos >= 0 || (!isNeeded && quietNanos >= NOTICE_NANOS);
  }

  /** Whether another was ending at the last look, and there still is time to wait for it. */
  public boolean isNeeded(long nowNanos) {
    return isNeeded && nowNanos - deadlineNanos < 0;
  }
}
