package io.framepipeline.common.service;

import io.aeron.Aeron;
import io.aeron.exceptions.AeronException;
import io.framepipeline.common.metrics.AeronMetrics;
import io.framepipeline.common.metrics.Figure;
import io.framepipeline.common.metrics.StageStats;
import io.framepipeline.common.topology.Stage;
import io.framepipeline.common.transport.Departure;
import io.framepipeline.common.transport.Doorbells;
import io.framepipeline.common.transport.DriverConnection;
import io.framepipeline.common.transport.DriverCounters;
import io.framepipeline.common.transport.DriverFinder;
import io.framepipeline.common.transport.SharedMemorySize;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.agrona.CloseHelper;
import org.agrona.concurrent.AgentInvoker;
import org.agrona.concurrent.AgentTerminationException;
import org.agrona.concurrent.IdleStrategy;
import org.agrona.concurrent.SleepingMillisIdleStrategy;
import org.agrona.concurrent.status.CountersReader;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A stage's duty cycle. It connects to the media driver and runs the stage's session. When the
 * driver is lost, it connects again. When the stage is told to stop, it lets the session finish its
 * work.
 *
 * <p>Aeron's client conductor runs inside this duty cycle. That saves a thread. And if the agent
 * hangs, the driver notices it, because no healthy conductor keeps the client alive.
 *
 * <p>Another thread of the stage that has made work may {@linkplain #prompt do it itself}. Waking
 * this thread would take longer than most work does. A {@link Turn} lets only one of the two
 * threads at everything that belongs to the duty cycle.
 */
public final class StageAgent {
  private static final Logger LOG = LoggerFactory.getLogger(StageAgent.class);
  private static final long MIN_RETRY_NANOS = TimeUnit.MILLISECONDS.toNanos(10);
  private static final long MAX_RETRY_NANOS = TimeUnit.MILLISECONDS.toNanos(40);

  /** If a connection lasted this long, the agent connects again at once. */
  private static final long GOOD_CONNECTION_NANOS = TimeUnit.SECONDS.toNanos(1);

  /** Limits how long a prompting thread is kept here while there is always work. */
  private static final int MAX_PROMPTED_CYCLES = 8;

  private final Stage stage;
  private final Path aeronDirectory;
  private final SharedMemorySize sharedMemory;
  private final StageService service;
  private final StageStats stats;
  private final IdleMode idleMode;
  private final DutyCycleClock clock;
  private final Turn turn = new Turn();
  private final IdleStrategy disconnectedIdleStrategy = new SleepingMillisIdleStrategy(1);

  /** Held while other threads read counters: closing the client unmaps them. */
  private final Object countersLock = new Object();

  private DriverConnection connection;
  private DriverConnection.Watch watch;
  private AgentInvoker clientConductor;
  private StageSession session;
  private IdleStrategy idleStrategy = disconnectedIdleStrategy;
  private Throwable failure;
  private long retryDelayNanos;
  private long retryNanos = System.nanoTime();
  private long connectedNanos = retryNanos;
  private boolean hasWaited;
  private boolean isStopped;
  private long stopNanos;

  /**
   * The departure on this connection, or on the last one if that was lost; null before the stage
   * was told to stop.
   */
  private Departure departure;

  private boolean isLeaving;
  private volatile boolean isDone;
  private volatile boolean isStopRequested;
  private volatile boolean isAborted;
  private CountersReader counters;

  public StageAgent(
      Stage stage,
      CommonSettings common,
      SharedMemorySize sharedMemory,
      StageService service,
      StageStats stats) {
    this.stage = stage;
    this.aeronDirectory = common.aeronDirectory();
    this.sharedMemory = sharedMemory;
    this.service = service;
    this.idleMode = common.idleMode();
    this.stats = stats;
    this.clock = new DutyCycleClock(stats);
  }

  /**
   * Asks the stage to finish its work and leave; from any thread. A second call changes nothing: a
   * supervisor may tell each process of a group, and their parent then tells them again.
   */
  public void stop() {
    isStopRequested = true;
  }

  /** Asks the stage to end at once, with work unfinished; from any thread. */
  void abort() {
    isAborted = true;
  }

  /** Whether the stage has ended. */
  public boolean isDone() {
    return isDone || isAborted;
  }

  /** Lends the counters of the present driver, or null, to any thread, see {@link AeronMetrics}. */
  void readCounters(Consumer<CountersReader> reader) {
    synchronized (countersLock) {
      reader.accept(counters);
    }
  }

  /**
   * Runs one duty cycle.
   *
   * @throws IllegalStateException if a message handler failed, which is a defect: the process must
   *     end, so that readers redeliver what it had taken
   */
  public int doWork() {
    if (!turn.tryTakeOwn()) {
      return 0;
    }
    try {
      if (failure != null) {
        throw new IllegalStateException("the duty cycle failed", failure);
      }
      return session == null ? connect() : work(isStopRequested);
    } finally {
      turn.end();
    }
  }

  /**
   * Runs the session now, on the calling thread, which is another thread of the stage. Runs it
   * until there is nothing to do, or for a few duty cycles. Wakes the agent's own thread if work is
   * left for it.
   *
   * @param doorbells on which the agent's own thread sleeps
   */
  private void prompt(Doorbells doorbells) {
    boolean isWorkLeft = true;
    if (turn.tryTake()) {
      try {
        for (int i = 0; i < MAX_PROMPTED_CYCLES && isWorkLeft && mayBePrompted(); i++) {
          isWorkLeft = work(false) > 0;
        }
      } catch (RuntimeException | Error e) {
        failure = e;
      } finally {
        turn.end();
      }
    }
    if (isWorkLeft || turn.isMissed()) {
      doorbells.ringOwn();
    }
  }

  /**
   * Only the agent's own thread connects, leaves and fails. Once the stage is told to leave, the
   * other thread may have been interrupted. An interrupt would close the files that the session
   * uses.
   */
  private boolean mayBePrompted() {
    return session != null && failure == null && !isStopRequested;
  }

  private int work(boolean isToLeave) {
    long nowNanos = clock.beginCycle();
    try {
      if (connection.isDriverGone()) {
        throw new AeronException("its files are gone");
      }
      int work = clientConductor.invoke();
      if (clientConductor.isClosed()) {
        throw new AeronException("the client's conductor has ended");
      }
      if (isToLeave) {
        leave(nowNanos);
      }
      work += session.doWork(nowNanos);
      clock.endCycle(work, session.isHeldBack());
      if (failure != null) {
        throw new IllegalStateException("a message handler failed", failure);
      }
      if (session.isDone()) {
        isDone = true;
        disconnect();
      }
      return work;
    } catch (AeronException e) {
      LOG.warn("lost the media driver: {}", firstLine(e));
      disconnect();
      if (nowNanos - connectedNanos >= GOOD_CONNECTION_NANOS) {
        retryDelayNanos = 0;
      }
      retryLater(nowNanos);
      return 0;
    }
  }

  /** Announces that the stage was told to stop, works on while others need it, and then leaves. */
  private void leave(long nowNanos) {
    if (departure == null) {
      stopService(nowNanos);
      session.announceStop();
      departure = Departure.ofStage(stage, connection, connectedNanos, stopNanos, nowNanos);
    }
    if (!isLeaving && departure.isDue(nowNanos)) {
      isLeaving = true;
      session.leave(nowNanos);
    }
  }

  private void stopService(long nowNanos) {
    if (!isStopped) {
      isStopped = true;
      stopNanos = nowNanos;
      stats.counter(Figure.STOPPING).setRelease(1);
      service.stop();
    }
  }

  /** Idles after a duty cycle that did this much work. */
  void idle(int workCount) {
    idleStrategy.idle(workCount);
  }

  /** Closes everything. Call it after the last duty cycle. */
  public void close() {
    while (!turn.tryTakeOwn()) {
      disconnectedIdleStrategy.idle();
    }
    disconnect();
    turn.end();
  }

  private void disconnect() {
    idleStrategy = disconnectedIdleStrategy;
    stats.counter(Figure.READY).setRelease(0);
    takeCountersBack();
    CloseHelper.closeAll(this::onError, watch, session, connection);
    watch = null;
    session = null;
    connection = null;
  }

  private void takeCountersBack() {
    synchronized (countersLock) {
      counters = null;
    }
  }

  private int connect() {
    long nowNanos = clock.beginCycle();
    if (isStopRequested) {
      stopService(nowNanos);
      // If another instance was ending when the driver was lost, that one connects again, too.
      service.collect();
      boolean isNeeded = departure != null && !isLeaving && departure.isNeeded(nowNanos);
      if (!isNeeded && !service.needsConnection()) {
        isDone = true;
        return 0;
      }
    }
    if (nowNanos - retryNanos < 0) {
      return 0;
    }
    try {
      if (DriverFinder.isDriverThere(aeronDirectory)) {
        connection =
            DriverConnection.open(
                new Aeron.Context()
                    .aeronDirectoryName(aeronDirectory.toString())
                    .clientName(stage.label())
                    .useConductorAgentInvoker(true)
                    .errorHandler(this::onError));
        watch = new DriverConnection.Watch(connection);
        clientConductor = connection.aeron().conductorAgentInvoker();
        sharedMemory.shortageFor(stage, connection).ifPresent(LOG::warn);
        DriverCounters.shortageFor(stage, connection).ifPresent(LOG::warn);
        Doorbells doorbells = connection.doorbells();
        session = service.connect(connection, () -> prompt(doorbells));
        idleStrategy = idleMode.newStrategy(doorbells.newIdleStrategy());
        synchronized (countersLock) {
          counters = connection.aeron().countersReader();
        }
        isLeaving = false;
        departure = null;
        hasWaited = false;
        connectedNanos = nowNanos;
        LOG.info("connected to the media driver in {}", aeronDirectory);
        return 1;
      }
      if (!hasWaited) {
        hasWaited = true;
        LOG.info("waiting for a media driver in {}", aeronDirectory);
      }
    } catch (AeronException e) {
      LOG.warn("cannot connect to the media driver in {}: {}", aeronDirectory, firstLine(e));
      disconnect();
    }
    retryLater(nowNanos);
    return 0;
  }

  private void retryLater(long nowNanos) {
    retryNanos = nowNanos + retryDelayNanos;
    retryDelayNanos = Math.clamp(2 * retryDelayNanos, MIN_RETRY_NANOS, MAX_RETRY_NANOS);
  }

  /** Called by the thread that has the turn: the conductor and every poll run in the duty cycle. */
  private void onError(Throwable error) {
    if (error instanceof AeronException) {
      LOG.warn("{}", firstLine(error));
    } else if (error instanceof AgentTerminationException) {
      // The conductor has reported why. Now it is about to close the client, which unmaps the
      // counters.
      takeCountersBack();
    } else {
      failure = error;
    }
  }

  private static String firstLine(Throwable error) {
    return String.valueOf(error.getMessage()).lines().findFirst().orElse(error.toString());
  }
}
