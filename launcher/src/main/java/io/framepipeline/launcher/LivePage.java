package io.framepipeline.launcher;

import io.framepipeline.common.config.ExitCode;
import io.framepipeline.common.config.ExitException;
import io.framepipeline.common.config.Settings;
import io.framepipeline.console.ConsoleServer;
import io.framepipeline.console.Monitor;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import org.agrona.CloseHelper;

/** A run's page in the browser, unless it is off. */
final class LivePage implements AutoCloseable {
  private static final String OFF = "off";
  private static final int MAX_PORT = 65_535;

  private final Monitor monitor;

  /** Null if the page is off. */
  private final ConsoleServer server;

  private LivePage(Monitor monitor, ConsoleServer server) {
    this.monitor = monitor;
    this.server = server;
  }

  /**
   * Checks the value of {@code --page}.
   *
   * @throws ExitException if it is neither a port nor "off"
   */
  static void check(String page) {
    port(page);
  }

  /**
   * Opens the page, for this machine only.
   *
   * @param page a port, 0 for any free one, or "off"
   * @throws ExitException if the port cannot be used
   */
  static LivePage open(String page, Path aeronDirectory) {
    Monitor monitor = new Monitor(aeronDirectory);
    if (page.equals(OFF)) {
      return new LivePage(monitor, null);
    }
    try {
      InetAddress thisMachine = InetAddress.ofLiteral("127.0.0.1");
      return new LivePage(
          monitor, new ConsoleServer(new InetSocketAddress(thisMachine, port(page)), monitor));
    } catch (IOException e) {
      throw new ExitException(
          ExitCode.USAGE,
          "--page=%s: %s; choose a free port, 0 for any, or off".formatted(page, e.getMessage()));
    }
  }

  /** Tells where the page is, if there is one. */
  void announce(Console console) {
    if (server != null) {
      console.print("live view: http://127.0.0.1:%s/".formatted(server.port()));
    }
  }

  /** Shows an event that figures do not tell. */
  void note(String kind, String text) {
    monitor.note(kind, text);
  }

  @Override
  public void close() {
    CloseHelper.close(server);
  }

  private static int port(String page) {
    if (page.equals(OFF)) {
      return 0;
    }
    try {
      int port = Integer.parseInt(page);
      if (port >= 0 && port <= MAX_PORT) {
        return port;
      }
    } catch (NumberFormatException e) {
      // Refused below.
    }
    throw Settings.malformed("--page", page, "a port from 0 to 65535, or off");
  }
}
