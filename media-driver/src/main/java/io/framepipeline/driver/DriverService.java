package io.framepipeline.driver;

import io.aeron.driver.MediaDriver;
import io.framepipeline.common.config.ExitCode;
import io.framepipeline.common.config.ExitException;
import io.framepipeline.common.config.Settings;
import io.framepipeline.common.linux.TimerSlack;
import io.framepipeline.common.service.CommonSettings;
import io.framepipeline.common.service.ServiceRunner;
import io.framepipeline.common.service.Signals;
import io.framepipeline.common.transport.Departure;
import io.framepipeline.common.transport.Doorbells;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Properties;
import org.agrona.concurrent.IdleStrategy;
import org.agrona.concurrent.ShutdownSignalBarrier;
import org.agrona.concurrent.status.CountersReader;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Aeron's media driver as a process. Like the services, it takes {@code AERON_DIR}, {@code
 * PIPELINE_CHANNEL}, {@code PIPELINE_SHARED_MEMORY} and {@code IDLE_STRATEGY}. At SIGTERM it waits
 * for services that are ending, and then ends with exit code 0. Aeron's own main leaves SIGTERM to
 * shutdown hooks and so ends with 143, which a container engine shows as a failure.
 */
public final class DriverService {
  private static final Logger LOG = LoggerFactory.getLogger(DriverService.class);

  private DriverService() {}

  /**
   * Runs the driver, if there is room for a pipeline. A driver without room for its own files would
   * die of a fault in them.
   *
   * @param propertiesFiles the driver's configuration
   */
  public static void main(String[] propertiesFiles) {
    System.exit(ServiceRunner.exitCodeOf("driver", () -> run(propertiesFiles)));
  }

  private static int run(String[] propertiesFiles) {
    for (String file : propertiesFiles) {
      loadProperties(Path.of(file));
    }
    CommonSettings settings = CommonSettings.read(Settings.ofProcess());
    settings.sharedMemory().requireRoomForDriver();
    TimerSlack.minimize();
    run(settings);
    return ExitCode.OK;
  }

  /** Unlike Agrona's loader it does not open every jar to look for the file there. */
  private static void loadProperties(Path file) {
    try (InputStream in = Files.newInputStream(file)) {
      Properties properties = new Properties();
      properties.load(in);
      properties
          .stringPropertyNames()
          .forEach(name -> System.setProperty(name, properties.getProperty(name)));
    } catch (IOException e) {
      throw new ExitException(ExitCode.USAGE, "%s: cannot be read: %s".formatted(file, e));
    }
  }

  private static void run(CommonSettings settings) {
    long startNanos = System.nanoTime();
    try (ShutdownSignalBarrier barrier = new ShutdownSignalBarrier();
        MediaDriver driver =
            launch(
                new MediaDriver.Context()
                    .aeronDirectoryName(settings.aeronDirectory().toString())
                    .sharedIdleStrategy(idleStrategy(settings))
                    .terminationHook(barrier::signal))) {
      Signals.onEnd(barrier::signal);
      LOG.info("media driver in {}", driver.aeronDirectoryName());
      barrier.await();
      awaitDeparture(driver, startNanos);
    }
  }

  /**
   * Works on for services that are ending. Only files tell which ones are; without these files the
   * driver waits for no service.
   */
  private static void awaitDeparture(MediaDriver driver, long startNanos) {
    MediaDriver.Context context = driver.context();
    try {
      Departure.awaitOfDriver(
          Path.of(driver.aeronDirectoryName()),
          new CountersReader(context.countersMetaDataBuffer(), context.countersValuesBuffer()),
          startNanos);
    } catch (IOException e) {
      LOG.warn("waits for nobody: {}", e.toString());
    }
  }

  /**
   * Turns what the driver throws into one line: about its directory, files, threads or properties.
   */
  private static MediaDriver launch(MediaDriver.Context context) {
    try {
      return MediaDriver.launch(context);
    } catch (RuntimeException | OutOfMemoryError e) {
      throw new ExitException(
          ExitCode.INTERNAL,
          "AERON_DIR=%s: a media driver cannot start there: %s"
              .formatted(context.aeronDirectoryName(), e));
    }
  }

  private static IdleStrategy idleStrategy(CommonSettings settings) {
    try {
      Doorbells doorbells = Doorbells.ofDriver(settings.aeronDirectory());
      return new LimitIdleStrategy(
          doorbells, settings.idleMode().newStrategy(doorbells.newIdleStrategy()));
    } catch (IOException e) {
      throw new ExitException(
          ExitCode.INTERNAL,
          "AERON_DIR=%s: cannot write beside it: %s"
              .formatted(settings.aeronDirectory(), e.getMessage()));
    }
  }
}
