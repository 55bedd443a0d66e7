package io.framepipeline.driver;

import io.aeron.CommonContext;
import io.aeron.driver.MediaDriver;
import io.framepipeline.common.service.Settings;
import io.framepipeline.common.service.Signals;
import org.agrona.SystemUtil;
import org.agrona.concurrent.ShutdownSignalBarrier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Aeron's media driver as a process that takes {@code AERON_DIR}, as the services do, and ends with
 * exit code 0 at SIGTERM. Aeron's own main leaves SIGTERM to shutdown hooks and so ends with 143,
 * which a container engine shows as a failure.
 */
public final class DriverService {
  private static final Logger LOG = LoggerFactory.getLogger(DriverService.class);

  private DriverService() {}

  /**
   * Runs the driver.
   *
   * @param propertiesFiles the driver's configuration
   */
  public static void main(String[] propertiesFiles) {
    SystemUtil.loadPropertiesFiles(propertiesFiles);
    String directory = Settings.ofProcess().text("AERON_DIR", CommonContext.AERON_DIR_PROP_DEFAULT);
    try (ShutdownSignalBarrier barrier = new ShutdownSignalBarrier();
        MediaDriver driver =
            MediaDriver.launch(
                new MediaDriver.Context()
                    .aeronDirectoryName(directory)
                    .terminationHook(barrier::signal))) {
      Signals.onStop(barrier::signal);
      LOG.info("media driver in {}", driver.aeronDirectoryName());
      barrier.await();
    }
  }
}
