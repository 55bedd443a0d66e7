package io.framepipeline.common.transport;

import io.aeron.Aeron;
import io.aeron.CommonContext;
import io.aeron.driver.MediaDriver;
import io.aeron.driver.ThreadingMode;
import io.aeron.exceptions.AeronEvent;
import io.framepipeline.common.linux.ProcessLiveness;
import io.framepipeline.common.topology.Stage;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import org.agrona.CloseHelper;
import org.agrona.IoUtil;
import org.agrona.concurrent.AgentInvoker;

/**
 * A media driver and its clients in the test's thread, under a clock that moves only with the
 * steps: whole time-outs pass in milliseconds, and the same way each time.
 */
public final class SteppedDriver implements AutoCloseable {
  /** Far shorter than every time-out that matters, and than the interval of the inbox watch. */
  private static final long STEP_NANOS = TimeUnit.MILLISECONDS.toNanos(1);

  private static final int COUNTERS_LENGTH = 1024 * 1024;

  /** A client's duty cycle. */
  @FunctionalInterface
  public interface DutyCycle {
    /** Called with this driver's time once a step. */
    int doWork(long nowNanos);
  }

  /** A process, as far as the driver can tell: an Aeron client and what runs in its thread. */
  public final class Peer implements AutoCloseable {
    private final DriverConnection connection;
    private final AgentInvoker conductor;
    private final List<AutoCloseable> owned = new ArrayList<>();
    private DutyCycle dutyCycle = nowNanos -> 0;
    private boolean isAlive = true;
    private long nextLookNanos = nowNanos;

    private Peer() {
      connection = DriverConnection.open(clientContext());
      conductor = aeron().conductorAgentInvoker();
    }

    public DriverConnection connection() {
      return connection;
    }

    public Aeron aeron() {
      return connection.aeron();
    }

    /** What this process does each step. */
    public void run(DutyCycle newDutyCycle) {
      dutyCycle = newDutyCycle;
    }

    /** Has something closed, before the client, when the driver is. */
    public <T extends AutoCloseable> T own(T closeable) {
      owned.add(closeable);
      return closeable;
    }

    /** Runs no more, as after SIGSTOP: the driver finds out by its heartbeat. */
    public void stop() {
      isAlive = false;
    }

    /** Runs no more, as after SIGKILL: the kernel has given back its locks. */
    public void kill() {
      isAlive = false;
      CloseHelper.close(connection.liveness());
    }

    /** Closes the client and nothing else, as if the process ended without leaving. */
    @Override
    public void close() {
      isAlive = false;
      connection.close();
    }

    private void step() {
      if (isAlive) {
        if (nowNanos - nextLookNanos >= 0) {
          nextLookNanos = nowNanos + DriverConnection.Watch.INTERVAL_NANOS;
          connection.look();
        }
        conductor.invoke();
        dutyCycle.doWork(nowNanos);
      }
    }
  }

  private final MediaDriver driver;
  private final AgentInvoker driverInvoker;
  private final List<Peer> peers = new ArrayList<>();
  private final long startNanos = System.nanoTime();
  private final long startEpochMillis = System.currentTimeMillis();
  private long nowNanos = startNanos;

  public SteppedDriver() {
    driver =
        MediaDriver.launch(
            new MediaDriver.Context()
                .aeronDirectoryName(CommonContext.generateRandomDirName())
                .dirDeleteOnStart(true)
                .dirDeleteOnShutdown(true)
                .threadingMode(ThreadingMode.INVOKER)
                .asyncExecutorEnabled(false)
                .counterValuesBufferLength(COUNTERS_LENGTH)
                // Less than 160 MB free would be among its errors, and containers have 64.
                .lowStorageWarningThreshold(0)
                .nanoClock(this::nanoTime)
                .epochClock(this::epochMillis)
                .errorHandler(
                    error -> {
                      // It counts an image that a subscriber rejects among its errors.
                      if (!(error instanceof AeronEvent)) {
                        throw new AssertionError("the driver failed", error);
                      }
                    }));
    driverInvoker = driver.sharedAgentInvoker();
  }

  /** Where it is. */
  public Path aeronDirectory() {
    return Path.of(driver.aeronDirectoryName());
  }

  /** A new process, stepped with the others from now on. */
  public Peer startPeer() {
    Peer peer = new Peer();
    peers.add(peer);
    return peer;
  }

  /** The time of the driver and of every process. */
  public long nanoTime() {
    return nowNanos;
  }

  /** One duty cycle of the driver and of every process. */
  public void step() {
    nowNanos += STEP_NANOS;
    driverInvoker.invoke();
    for (int i = 0; i < peers.size(); i++) {
      peers.get(i).step();
    }
  }

  /** Steps until something holds; a test's time-out interrupts it. */
  public void stepUntil(String what, BooleanSupplier condition) {
    while (!condition.getAsBoolean()) {
      if (Thread.currentThread().isInterrupted()) {
        throw new AssertionError("never came: " + what);
      }
      step();
    }
  }

  /** Lets so much of this driver's time pass. */
  public void stepFor(Duration duration) {
    long endNanos = nowNanos + duration.toNanos();
    while (nowNanos - endNanos < 0) {
      step();
    }
  }

  /** How many inboxes of a stage are announced at present, in whatever state. */
  public int inboxCount(Stage stage) {
    int[] count = new int[1];
    new InboxDirectory(driver.context().countersManager())
        .forEach(stage, (counterId, registrationId) -> count[0]++);
    return count[0];
  }

  /** How many inboxes of a stage take messages though their owners were told to stop. */
  public int stoppingCount(Stage stage) {
    int[] count = new int[1];
    InboxDirectory directory = new InboxDirectory(driver.context().countersManager());
    directory.forEach(
        stage,
        (counterId, registrationId) -> {
          if (directory.state(counterId, registrationId) == InboxDirectory.STOPPING) {
            count[0]++;
          }
        });
    return count[0];
  }

  /** Steps one driver duty cycle alone: what a process did is seen, nobody else moves. */
  public void stepDriver() {
    nowNanos += STEP_NANOS;
    driverInvoker.invoke();
  }

  @Override
  public void close() {
    for (Peer peer : peers) {
      CloseHelper.quietCloseAll(peer.owned);
      peer.connection.close();
    }
    driver.close();
    Path directory = aeronDirectory();
    IoUtil.delete(ProcessLiveness.file(directory).toFile(), true);
    IoUtil.delete(Doorbells.file(directory).toFile(), true);
    IoUtil.delete(SlotFile.directory(directory).toFile(), true);
  }

  private Aeron.Context clientContext() {
    return new Aeron.Context()
        .aeronDirectoryName(driver.aeronDirectoryName())
        .useConductorAgentInvoker(true)
        .driverAgentInvoker(driverInvoker)
        .nanoClock(this::nanoTime)
        .epochClock(this::epochMillis)
        .errorHandler(
            error -> {
              throw new AssertionError("a client failed", error);
            });
  }

  private long epochMillis() {
    return startEpochMillis + TimeUnit.NANOSECONDS.toMillis(nowNanos - startNanos);
  }
}
