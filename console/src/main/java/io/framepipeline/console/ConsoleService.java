package io.framepipeline.console;

import io.aeron.CommonContext;
import io.framepipeline.common.config.ExitCode;
import io.framepipeline.common.config.ExitException;
import io.framepipeline.common.config.Settings;
import io.framepipeline.common.service.ServiceRunner;
import io.framepipeline.common.service.Signals;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.util.concurrent.CountDownLatch;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Serves the live view of the pipeline around a media driver: {@code AERON_DIR}, {@code
 * CONSOLE_HOST} and {@code CONSOLE_PORT}. Needs to read the shared memory only.
 */
public final class ConsoleService {
  private static final Logger LOG = LoggerFactory.getLogger(ConsoleService.class);
  private static final int DEFAULT_PORT = 8080;
  private static final int MAX_PORT = 65_535;

  private ConsoleService() {}

  public static void main(String[] args) {
    System.exit(ServiceRunner.exitCodeOf("console", () -> run(Settings.ofProcess())));
  }

  private static int run(Settings settings) {
    Path aeronDirectory = settings.path("AERON_DIR", CommonContext.AERON_DIR_PROP_DEFAULT);
    InetSocketAddress address =
        new InetSocketAddress(
            settings.text("CONSOLE_HOST", "127.0.0.1"),
            (int) settings.number("CONSOLE_PORT", DEFAULT_PORT, 0, MAX_PORT));
    if (address.isUnresolved()) {
      throw new ExitException(
          ExitCode.USAGE,
          "CONSOLE_HOST=%s: no such host; give an address of this machine"
              .formatted(address.getHostString()));
    }
    CountDownLatch end = new CountDownLatch(1);
    Signals.onEnd(end::countDown);
    try (ConsoleServer server = new ConsoleServer(address, new Monitor(aeronDirectory))) {
      LOG.info("live view of {} on port {}", aeronDirectory, server.port());
      end.await();
      return ExitCode.OK;
    } catch (InterruptedException e) {
      throw new IllegalStateException("nothing interrupts the main thread", e);
    } catch (IOException e) {
      throw new ExitException(
          ExitCode.USAGE,
          "CONSOLE_HOST=%s, CONSOLE_PORT=%s: %s; choose an address of this machine and a free port"
              .formatted(address.getHostString(), address.getPort(), e.getMessage()));
    }
  }
}
