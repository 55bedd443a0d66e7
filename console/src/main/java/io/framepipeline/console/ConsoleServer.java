package io.framepipeline.console;

import io.framepipeline.common.http.HttpAnswer;
import io.framepipeline.common.http.HttpRequest;
import io.framepipeline.common.http.HttpServer;
import io.framepipeline.common.http.HttpStatus;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import java.util.regex.Pattern;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import tools.jackson.databind.json.JsonMapper;

/**
 * Serves the live view: a page, and the state of the pipeline as JSON. Nothing can be changed
 * through it.
 *
 * <p>Other pages in the same browser get nothing. The {@code Host} must be this machine's own name,
 * whatever the port, so that no name that another site controls can lead here. A request that
 * another origin makes is refused, but for following a link to the page.
 */
public final class ConsoleServer implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(ConsoleServer.class);
  private static final Duration CLIENT_LIMIT = Duration.ofSeconds(5);

  /** A client that has asked for the state within this time is looking. */
  private static final long WATCHED_NANOS = TimeUnit.SECONDS.toNanos(5);

  /** The history needs a point a second also while no client is looking. */
  private static final long UNWATCHED_INTERVAL_NANOS = TimeUnit.SECONDS.toNanos(1);

  private static final Pattern OWN_HOST =
      Pattern.compile("(localhost|127\\.0\\.0\\.1|\\[::1])(:\\d{1,5})?", Pattern.CASE_INSENSITIVE);

  private static final List<String> HEADERS =
      List.of(
          "Cache-Control: no-store",
          "Content-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self';"
              + " connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none';"
              + " frame-ancestors 'none'",
          "Cross-Origin-Resource-Policy: same-origin",
          "Referrer-Policy: no-referrer",
          "X-Content-Type-Options: nosniff");

  private static final String HTML = "text/html; charset=utf-8";
  private static final String CSS = "text/css; charset=utf-8";
  private static final String JAVASCRIPT = "text/javascript; charset=utf-8";
  private static final String JSON = "application/json";

  private final Monitor monitor;

  /** One thread looks and makes answers, so both cost little when no client asks. */
  private final ScheduledExecutorService executor =
      Executors.newSingleThreadScheduledExecutor(
          task -> Thread.ofPlatform().name("console").daemon().unstarted(task));

  private final HttpServer server;
  private long lookedNanos = System.nanoTime() - UNWATCHED_INTERVAL_NANOS;
  private long askedNanos = System.nanoTime() - WATCHED_NANOS;

  /**
   * Binds and starts.
   *
   * @param address port 0 means any free port
   * @throws IOException if the port cannot be bound
   */
  @SuppressWarnings("FutureReturnValueIgnored") // a look throws nothing
  public ConsoleServer(InetSocketAddress address, Monitor monitor) throws IOException {
    this.monitor = monitor;
    Map<String, HttpServer.Page> pages = new HashMap<>();
    addFile(pages, "/", "index.html", HTML);
    addFile(pages, "/page.css", "page.css", CSS);
    addFile(pages, "/page.js", "page.js", JAVASCRIPT);
    addFile(pages, "/uPlot.min.css", "uPlot.min.css", CSS);
    addFile(pages, "/uPlot.iife.min.js", "uPlot.iife.min.js", JAVASCRIPT);
    add(pages, "/state.json", this::state);
    add(pages, "/history.json", () -> json(monitor.history()));
    pages.put(
        "/health/ready",
        new HttpServer.Page(Runnable::run, request -> HttpAnswer.line(HttpStatus.OK, "ok")));
    server = new HttpServer("console-http", address, CLIENT_LIMIT, pages);
    executor.scheduleWithFixedDelay(this::look, 0, Monitor.INTERVAL_NANOS, TimeUnit.NANOSECONDS);
  }

  /** The port on which the server listens. */
  public int port() {
    return server.port();
  }

  @Override
  public void close() {
    server.close();
    executor.shutdownNow();
    executor.close();
  }

  /** Whether a request comes from this machine's own page, or asks for the page itself. */
  static boolean isOwn(HttpRequest request) {
    String host = request.header("host");
    String origin = request.header("origin");
    String site = request.header("sec-fetch-site");
    boolean isSameOrigin = site.isEmpty() || site.equals("same-origin") || site.equals("none");
    boolean isLinkFollowed =
        request.path().equals("/") && request.header("sec-fetch-dest").equals("document");
    return OWN_HOST.matcher(host).matches()
        && (origin.isEmpty() || origin.equals("http://" + host))
        && (isSameOrigin || isLinkFollowed);
  }

  private void look() {
    long nowNanos = System.nanoTime();
    boolean isWatched = nowNanos - askedNanos < WATCHED_NANOS;
    if (!isWatched && nowNanos - lookedNanos < UNWATCHED_INTERVAL_NANOS) {
      return;
    }
    lookedNanos = nowNanos;
    try {
      monitor.look();
    } catch (RuntimeException e) {
      LOG.error("the live view stands still for a moment", e);
    }
  }

  private HttpAnswer state() {
    askedNanos = System.nanoTime();
    return json(monitor.state());
  }

  private void add(Map<String, HttpServer.Page> pages, String path, Supplier<HttpAnswer> content) {
    pages.put(
        path,
        new HttpServer.Page(
            executor,
            request ->
                isOwn(request)
                    ? content.get()
                    : HttpAnswer.line(HttpStatus.FORBIDDEN, "for this machine's own page only")));
  }

  private void addFile(
      Map<String, HttpServer.Page> pages, String path, String name, String contentType)
      throws IOException {
    try (InputStream file = ConsoleServer.class.getResourceAsStream(name)) {
      byte[] bytes = file.readAllBytes();
      add(pages, path, () -> answer(contentType, bytes));
    }
  }

  private static HttpAnswer json(Object value) {
    return answer(JSON, JsonMapper.shared().writeValueAsBytes(value));
  }

  private static HttpAnswer answer(String contentType, byte[] body) {
    return new HttpAnswer(HttpStatus.OK, contentType, ByteBuffer.wrap(body), HEADERS);
  }
}
