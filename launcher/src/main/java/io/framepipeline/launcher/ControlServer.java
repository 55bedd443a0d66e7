package io.framepipeline.launcher;

import io.framepipeline.common.config.ExitCode;
import io.framepipeline.common.config.ExitException;
import java.io.IOException;
import java.net.SocketTimeoutException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.SynchronousQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.json.JsonMapper;

/**
 * Takes requests of other commands on a socket: a line of JSON in, a line of JSON out. A thread of
 * its own serves one client at a time, and waits for each no longer than a limit. The thread that
 * calls {@link #doWork} never waits.
 */
final class ControlServer implements AutoCloseable {
  /** Long enough: a client has its request ready, and the run answers every few milliseconds. */
  private static final Duration LIMIT = Duration.ofSeconds(5);

  private static final Duration RETRY = Duration.ofMillis(100);
  private static final int MAX_REQUEST_BYTES = 4096;

  private record Exchange(ControlRequest request, CompletableFuture<ControlAnswer> answer) {}

  private final ServerSocketChannel server;
  private final Thread thread;

  /** Hands a request over only while its client waits, so no answer comes late. */
  private final SynchronousQueue<Exchange> requests = new SynchronousQueue<>();

  /**
   * Starts to take requests.
   *
   * @throws IOException if there cannot be a socket of this name
   */
  ControlServer(UnixDomainSocketAddress address) throws IOException {
    server = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
    server.bind(address);
    thread = Thread.ofPlatform().name("control").daemon().start(this::serve);
  }

  /** Answers a request if there is one. Call it every few milliseconds. */
  void doWork(Function<ControlRequest, RunStatus> handler) {
    Exchange exchange = requests.poll();
    if (exchange != null) {
      exchange.answer.complete(answer(exchange.request, handler));
    }
  }

  @Override
  public void close() throws IOException {
    server.close();
    thread.interrupt();
  }

  private static ControlAnswer answer(
      ControlRequest request, Function<ControlRequest, RunStatus> handler) {
    try {
      return ControlAnswer.of(handler.apply(request));
    } catch (ExitException e) {
      return ControlAnswer.refusal(e);
    }
  }

  private void serve() {
    try {
      while (server.isOpen()) {
        try (SocketChannel client = server.accept();
            LineChannel lines = new LineChannel(client, LIMIT)) {
          String request = lines.read(MAX_REQUEST_BYTES);
          lines.write(JsonMapper.shared().writeValueAsString(answer(request)));
        } catch (IOException e) {
          // Either the client failed or the system did. A loop without a pause would make the
          // latter worse.
          Thread.sleep(RETRY);
        }
      }
    } catch (InterruptedException e) {
      // The server was closed.
    }
  }

  private ControlAnswer answer(String line) throws IOException, InterruptedException {
    try {
      // Jackson is loaded at the first request, not while all processes start.
      ControlRequest request =
          JsonMapper.shared()
              .readerFor(ControlRequest.class)
              .with(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
              .readValue(line);
      if (request == null) {
        throw malformed();
      }
      request.check();
      Exchange exchange = new Exchange(request, new CompletableFuture<>());
      if (!requests.offer(exchange, LIMIT.toNanos(), TimeUnit.NANOSECONDS)) {
        throw new SocketTimeoutException("the run is busy");
      }
      return exchange.answer.join();
    } catch (JacksonException e) {
      return ControlAnswer.refusal(malformed());
    } catch (ExitException e) {
      return ControlAnswer.refusal(e);
    }
  }

  private static ExitException malformed() {
    return new ExitException(
        ExitCode.USAGE, "malformed request: must be {} or like {\"scale\": {\"RECIPROCAL\": 2}}");
  }
}
