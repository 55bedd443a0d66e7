package io.framepipeline.common.transport;

import io.aeron.Aeron;
import io.aeron.CncFileDescriptor;
import io.aeron.exceptions.AeronException;
import io.framepipeline.common.config.ExitException;
import io.framepipeline.common.linux.FileIdentity;
import io.framepipeline.common.linux.ProcessLiveness;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.agrona.CloseHelper;

/**
 * A connection to one media driver: the Aeron client, and what the kernel knows of the driver and
 * of the other processes. A {@link Watch} keeps that up to date on its own thread: each look takes
 * system calls and a few bytes of heap, too much for the duty cycle.
 *
 * <p>A driver is gone for good when its files are deleted or replaced. That is certain, and known
 * seconds before Aeron's client would miss the heartbeat.
 */
public final class DriverConnection implements AutoCloseable {
  private final Aeron aeron;
  private final ProcessLiveness liveness;
  private final Doorbells doorbells;
  private final Path cncFile;
  private final Object cncFileKey;
  private volatile boolean isDriverGone;

  private DriverConnection(
      Aeron aeron, ProcessLiveness liveness, Doorbells doorbells, Path cncFile, Object cncFileKey) {
    this.aeron = aeron;
    this.liveness = liveness;
    this.doorbells = doorbells;
    this.cncFile = cncFile;
    this.cncFileKey = cncFileKey;
  }

  /**
   * Connects to the driver that the context names.
   *
   * @throws AeronException if there is none, or if it is being replaced
   * @throws ExitException if the files beside its directory belong to another user
   */
  public static DriverConnection open(Aeron.Context context) {
    Path directory = Path.of(context.aeronDirectoryName());
    Path cncFile = directory.resolve(CncFileDescriptor.CNC_FILE);
    Aeron aeron = null;
    ProcessLiveness liveness = null;
    try {
      Object keyBefore = FileIdentity.key(cncFile);
      aeron = Aeron.connect(context);
      liveness = new ProcessLiveness(directory);
      Doorbells doorbells = Doorbells.ofClient(directory, aeron.clientId());
      if (keyBefore != null && keyBefore.equals(FileIdentity.key(cncFile))) {
        // The file is the same before and after, so it is the one that the client has mapped.
        return new DriverConnection(aeron, liveness, doorbells, cncFile, keyBefore);
      }
      throw new AeronException("the media driver is being replaced");
    } catch (IOException e) {
      CloseHelper.quietCloseAll(aeron, liveness);
      throw new AeronException("the media driver's files cannot be read: " + e.getMessage());
    } catch (RuntimeException e) {
      CloseHelper.quietCloseAll(aeron, liveness);
      throw e;
    }
  }

  /** The files that a driver's clients share beside its directory; they outlive drivers. */
  public static List<Path> sharedFiles(Path aeronDirectory) {
    return List.of(
        ProcessLiveness.file(aeronDirectory),
        Doorbells.file(aeronDirectory),
        SlotFile.directory(aeronDirectory));
  }

  /** The Aeron client. */
  public Aeron aeron() {
    return aeron;
  }

  /** Whether the driver's files were gone at the last look, and with them everything sent. */
  public boolean isDriverGone() {
    return isDriverGone;
  }

  /** The doorbells of all clients, and which is this process's. */
  public Doorbells doorbells() {
    return doorbells;
  }

  ProcessLiveness liveness() {
    return liveness;
  }

  /** Looks once whether the driver is gone, and which processes have died. */
  void look() {
    try {
      if (cncFileKey.equals(FileIdentity.key(cncFile))) {
        liveness.look();
        return;
      }
    } catch (IOException | RuntimeException e) {
      // The file is deleted, or about to be. In any other case, too, a new connection is the
      // remedy.
    }
    isDriverGone = true;
  }

  /**
   * Closes the client first and the locks last. So when others see this process's locks free,
   * nothing of it is at work any more.
   */
  @Override
  public void close() {
    CloseHelper.closeAll(aeron, liveness);
  }

  /** Looks, on a thread of its own, until it is closed. */
  public static final class Watch implements AutoCloseable {
    /** Short compared with a restart. A few system calls 50 times a second cost almost nothing. */
    static final long INTERVAL_NANOS = TimeUnit.MILLISECONDS.toNanos(20);

    private final DriverConnection connection;
    private volatile boolean isClosed;

    public Watch(DriverConnection connection) {
      this.connection = connection;
      Thread.ofPlatform().name("liveness").daemon().start(this::run);
    }

    @Override
    public void close() {
      isClosed = true;
    }

    private void run() {
      while (!isClosed) {
        connection.look();
        LockSupport.parkNanos(INTERVAL_NANOS);
      }
    }
  }
}
