package io.framepipeline.common.service;

import io.framepipeline.common.config.ExitCode;
import io.framepipeline.common.config.ExitException;
import io.framepipeline.common.config.Settings;
import io.framepipeline.common.linux.TimerSlack;
import io.framepipeline.common.metrics.Figure;
import io.framepipeline.common.metrics.FiguresDirectory;
import io.framepipeline.common.metrics.MetricsServer;
import io.framepipeline.common.metrics.StageStats;
import io.framepipeline.common.topology.Stage;
import io.framepipeline.common.transport.SharedMemorySize;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.util.SortedSet;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.IntSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** What the {@code main} of every service does around its stage. */
public final class ServiceRunner {
  private static final Logger LOG = LoggerFactory.getLogger(ServiceRunner.class);

  /**
   * Makes the stage from its settings. The settings that it reads are the ones that are allowed.
   */
  @FunctionalInterface
  public interface StageFactory {
    /**
     * Makes the stage.
     *
     * @throws ExitException if a setting or the input is wrong; then nothing is started
     */
    StageService create(Settings settings, CommonSettings common, StageStats stats);
  }

  /**
   * Tells containers of a machine apart, whose names are random hexadecimal digits, and pods, whose
   * names end with five random characters.
   */
  private static final int HOST_LENGTH = 5;

  private ServiceRunner() {}

  /**
   * Runs a stage until its input ends or it is told to stop.
   *
   * @return the process's exit code
   */
  public static int run(Stage stage, StageFactory factory) {
    return exitCodeOf(stage.label(), () -> run(stage, factory, Settings.ofProcess()));
  }

  /**
   * Runs a service and turns what it throws into a line and an exit code.
   *
   * @param name begins the line
   */
  public static int exitCodeOf(String name, IntSupplier service) {
    try {
      return service.getAsInt();
    } catch (ExitException e) {
      System.err.println(name + ": " + e.getMessage());
      return e.exitCode();
    } catch (OutOfMemoryError e) {
      // A full heap ends the JVM, see jvm.options. Here a thread could not be started.
      System.err.println(name + ": " + e.getMessage() + "; allow more processes or more memory");
      return ExitCode.START;
    } catch (RuntimeException | Error e) {
      LOG.error("internal error", e);
      return ExitCode.INTERNAL;
    }
  }

  private static int run(Stage stage, StageFactory factory, Settings settings) {
    CommonSettings common = CommonSettings.read(settings);
    SharedMemorySize sharedMemory = common.sharedMemory();
    sharedMemory.requireRoomForOneOfEach();
    LocalRun localRun = LocalRun.ofEnvironment();
    AtomicBoolean isOrphan = new AtomicBoolean();
    StageStats stats = createStats(stage, common.aeronDirectory(), localRun);

    try (StageService service = factory.create(settings, common, stats)) {
      SortedSet<String> unknown =
          settings.unknown("PIPELINE_", "METRICS_", "IDLE_", stage.name() + "_");
      if (!unknown.isEmpty()) {
        LOG.warn(
            "no such setting, ignored: {}; there are {}",
            String.join(", ", unknown),
            String.join(", ", settings.names()));
      }
      StageAgent agent = new StageAgent(stage, common, sharedMemory, service, stats);
      // Before metrics: the local command tells an instance to leave as soon as it has them.
      Signals.onEnd(agent::stop);
      try (MetricsServer metrics =
          new MetricsServer(
              metricsAddress(common.metricsPort(), localRun != null),
              stage,
              stats,
              agent::readCounters,
              service::bindTo)) {
        LOG.info("settings: {}", settings);
        LOG.info("metrics on port {}", metrics.port());
        if (localRun != null) {
          localRun.onParentGone(
              () -> {
                isOrphan.set(true);
                agent.abort();
              });
        }
        TimerSlack.minimize();
        common.cpu().takeShortSlices();
        while (!agent.isDone()) {
          agent.idle(agent.doWork());
        }
      } finally {
        agent.close();
      }
      if (isOrphan.get()) {
        localRun.clearAway();
        return service.exitCode();
      }
      try {
        return service.exitCode();
      } finally {
        if (service.hasEnded()) {
          stats.counter(Figure.ENDED).setRelease(1);
        }
      }
    }
  }

  private static StageStats createStats(Stage stage, Path aeronDirectory, LocalRun localRun) {
    String name = localRun == null ? instanceName(stage) : localRun.instance();
    try {
      return new FiguresDirectory(aeronDirectory).create(stage, name);
    } catch (IOException e) {
      throw new ExitException(
          ExitCode.INTERNAL,
          "%s: cannot be written: %s; free some of its file system, or enlarge it"
              .formatted(FiguresDirectory.path(aeronDirectory), e.getMessage()));
    }
  }

  /** A name that no other instance has or had, with the container's name or the process id. */
  private static String instanceName(Stage stage) {
    String host = System.getenv().getOrDefault("HOSTNAME", "");
    long pid = ProcessHandle.current().pid();
    boolean isContainer = pid == 1 && !host.isEmpty();
    return "%s-%s-%s"
        .formatted(
            stage.label(),
            isContainer ? host.substring(Math.max(0, host.length() - HOST_LENGTH)) : pid,
            Long.toString(System.currentTimeMillis(), Character.MAX_RADIX));
  }

  /** Containers are asked from outside. A local run's metrics are for this machine only. */
  public static InetSocketAddress metricsAddress(int port, boolean isLocal) {
    return isLocal
        ? new InetSocketAddress(InetAddress.ofLiteral("127.0.0.1"), port)
        : new InetSocketAddress(port);
  }
}
