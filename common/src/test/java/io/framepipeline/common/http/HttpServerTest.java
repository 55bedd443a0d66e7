package io.framepipeline.common.http;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import org.agrona.CloseHelper;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Clients that do not do what is expected of them. */
@Timeout(60)
class HttpServerTest {
  /** No test waits for it, or lasts as long. */
  private static final Duration NEVER = Duration.ofHours(1);

  private static final Duration SOON = Duration.ofMillis(50);

  /** More than the kernel takes in advance for a client that reads nothing. */
  private static final int LARGE = 8 * 1024 * 1024;

  private static final String GET_HEALTH = "GET /health HTTP/1.1\r\n\r\n";

  private final ExecutorService executor = Executors.newSingleThreadExecutor();
  private final CountDownLatch isReleased = new CountDownLatch(1);
  private final List<AutoCloseable> opened = new ArrayList<>();
  private HttpServer server;

  @AfterEach
  void close() {
    isReleased.countDown();
    CloseHelper.closeAll(opened);
    executor.close();
  }

  @Test
  void shouldAnswerWithOnePageAndEnd() throws IOException {
    start(NEVER);
    assertThat(ask(GET_HEALTH))
        .isEqualTo(
            """
            HTTP/1.1 200 OK\r
            Content-Type: text/plain; charset=us-ascii\r
            Content-Length: 3\r
            Connection: close\r
            \r
            ok
            """);
  }

  @Test
  void shouldAnswerHeadWithoutTheBody() throws IOException {
    start(NEVER);
    assertThat(ask("HEAD /health HTTP/1.1\r\n\r\n"))
        .contains("Content-Length: 3\r\n")
        .endsWith("\r\n\r\n");
  }

  @ParameterizedTest
  @CsvSource({
    "GET /, 404 Not Found",
    "GET /healthy, 404 Not Found",
    "GET /health/, 404 Not Found",
    "POST /health, 405 Method Not Allowed",
    "GET health, 400 Bad Request",
    "GET /broken, 500 Internal Server Error",
  })
  void shouldSayWhatIsWrong(String request, String status) throws IOException {
    start(NEVER);
    assertThat(ask(request + " HTTP/1.1\r\n\r\n"))
        .startsWith("HTTP/1.1 " + status + "\r\n")
        .endsWith("\r\n\r\n" + status + "\n");
  }

  @Test
  void shouldSayWhichMethodsAreAllowed() throws IOException {
    start(NEVER);
    assertThat(ask("PUT /health HTTP/1.1\r\n\r\n")).contains("\r\nAllow: GET, HEAD\r\n");
  }

  @Test
  void shouldRefuseGarbageAtOnce() throws IOException {
    start(NEVER);
    byte[] random = new byte[1000];
    new Random(5).nextBytes(random);
    for (String garbage :
        List.of(
            new String(random, StandardCharsets.ISO_8859_1), "garbage\n", "\u0016\u0003\u0001")) {
      assertThat(ask(garbage)).startsWith("HTTP/1.1 400 ");
    }
  }

  @Test
  void shouldRefuseARequestThatEndsTooSoon() throws IOException {
    start(NEVER);
    Client client = connect();
    client.send("GET /hea");
    client.socket.shutdownOutput();
    assertThat(client.receive()).startsWith("HTTP/1.1 400 ");
  }

  /** The client, which does not look before it has sent everything, is not reset. */
  @Test
  void shouldRefuseALargeRequestSoThatTheClientSeesIt() throws IOException {
    start(NEVER);
    String header = "X: " + "x".repeat(HttpServer.MAX_HEAD_LENGTH) + "\r\n";
    assertThat(ask("GET /health HTTP/1.1\r\n" + header + "\r\n")).startsWith("HTTP/1.1 431 ");
    assertThat(
            ask("GET /health HTTP/1.1\r\nContent-Length: 1000000\r\n\r\n" + "x".repeat(1_000_000)))
        .startsWith("HTTP/1.1 413 ");
  }

  @Test
  void shouldUnderstandARequestThatComesByteByByte() throws IOException {
    start(NEVER);
    Client client = connect();
    for (int i = 0; i < GET_HEALTH.length(); i++) {
      client.send(GET_HEALTH.substring(i, i + 1));
    }
    assertThat(client.receive()).startsWith("HTTP/1.1 200 ");
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "G", "GET /health HT"})
  void shouldAnswerWhateverUnfinishedRequestsThereAre(String start) throws IOException {
    start(NEVER);
    List<Client> clients = new ArrayList<>();
    for (int i = 0; i < HttpServer.MAX_CONNECTIONS + 50; i++) {
      Client client = connect();
      client.send(start);
      clients.add(client);
      if (i % 50 == 0) {
        assertThat(ask(GET_HEALTH)).startsWith("HTTP/1.1 200 ");
      }
    }
    assertThat(ask(GET_HEALTH)).startsWith("HTTP/1.1 200 ");
    // Those who came first had to make room, and no more than that.
    for (Client client : clients.subList(0, 50)) {
      assertThat(client.receive()).isEmpty();
    }
    Client last = clients.getLast();
    last.send(GET_HEALTH.substring(start.length()));
    assertThat(last.receive()).startsWith("HTTP/1.1 200 ");
  }

  @Test
  void shouldAnswerWhoeverElseTakesNoAnswers() throws IOException {
    start(NEVER);
    Client slow = connect();
    slow.send("GET /large HTTP/1.1\r\n\r\n");
    slow.awaitFirstByte();
    for (int i = 0; i < HttpServer.MAX_CONNECTIONS - 1; i++) {
      connect().send("GET /blocked HTTP/1.1\r\n\r\n");
    }
    assertThat(ask(GET_HEALTH)).startsWith("HTTP/1.1 200 ");
  }

  /** Its bytes come one by one, but do not come to an end. */
  @Test
  void shouldEndARequestThatTakesTooLong() throws IOException {
    start(SOON);
    assertThat(connect().receive()).isEmpty();
    Client client = connect();
    client.send("GET /");
    assertThat(catchThrowable(() -> sendForever(client))).isInstanceOf(IOException.class);
  }

  @Test
  void shouldEndAnAnswerThatIsNotTaken() throws IOException {
    start(SOON);
    Client slow = connect();
    slow.send("GET /large HTTP/1.1\r\n\r\n");
    slow.awaitFirstByte();
    // This one's time is over after the other one's.
    assertThat(connect().receive()).isEmpty();
    assertThat(slow.receive().length()).isLessThan(LARGE);
  }

  @Test
  void shouldGiveTimeToMakeAnAnswer() throws IOException {
    start(SOON);
    Client client = connect();
    client.send("GET /blocked HTTP/1.1\r\n\r\n");
    assertThat(connect().receive()).isEmpty();
    isReleased.countDown();
    assertThat(client.receive()).startsWith("HTTP/1.1 200 ");
  }

  @Test
  void shouldListenWhereItIsToldToOnly() throws IOException {
    start(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), NEVER);
    try (Socket other = new Socket()) {
      byte[] another = {127, 0, 0, 2};
      InetSocketAddress address =
          new InetSocketAddress(InetAddress.getByAddress(another), server.port());
      assertThat(catchThrowable(() -> other.connect(address))).isInstanceOf(IOException.class);
    }
    assertThat(ask(GET_HEALTH)).startsWith("HTTP/1.1 200 ");
  }

  @Test
  void shouldEndConnectionsWhenItIsClosed() throws IOException {
    start(NEVER);
    Client client = connect();
    client.send("G");
    assertThat(ask(GET_HEALTH)).startsWith("HTTP/1.1 200 ");
    server.close();
    assertThat(client.receive()).isEmpty();
  }

  private void start(Duration limit) throws IOException {
    start(new InetSocketAddress(0), limit);
  }

  private void start(InetSocketAddress address, Duration limit) throws IOException {
    server =
        new HttpServer(
            "test",
            address,
            limit,
            Map.of(
                "/health",
                new HttpServer.Page(Runnable::run, request -> ok(3)),
                "/large",
                new HttpServer.Page(executor, request -> ok(LARGE)),
                "/blocked",
                new HttpServer.Page(executor, this::blocked),
                "/broken",
                new HttpServer.Page(Runnable::run, HttpServerTest::broken)));
    opened.add(server);
  }

  private static HttpAnswer ok(int length) {
    ByteBuffer body = ByteBuffer.allocate(length);
    body.put(0, "ok\n".getBytes(StandardCharsets.US_ASCII));
    return new HttpAnswer(HttpStatus.OK, "text/plain; charset=us-ascii", body);
  }

  private HttpAnswer blocked(HttpRequest request) {
    try {
      isReleased.await();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    return ok(3);
  }

  private static HttpAnswer broken(HttpRequest request) {
    throw new IllegalStateException("on purpose");
  }

  private static void sendForever(Client client) throws IOException {
    while (true) {
      client.send("x");
    }
  }

  private String ask(String request) throws IOException {
    try (Client client = connect()) {
      client.send(request);
      return client.receive();
    }
  }

  private Client connect() throws IOException {
    Client client = new Client(server.port());
    opened.add(client);
    return client;
  }

  private static final class Client implements AutoCloseable {
    private final Socket socket = new Socket();
    private final StringBuilder received = new StringBuilder();

    Client(int port) throws IOException {
      socket.setReceiveBufferSize(4096);
      socket.setTcpNoDelay(true);
      socket.connect(new InetSocketAddress(InetAddress.getLoopbackAddress(), port));
    }

    void send(String bytes) throws IOException {
      socket.getOutputStream().write(bytes.getBytes(StandardCharsets.ISO_8859_1));
    }

    void awaitFirstByte() throws IOException {
      received.append((char) socket.getInputStream().read());
    }

    /** Everything until the server ends it. */
    String receive() throws IOException {
      return received
          .append(new String(socket.getInputStream().readAllBytes(), StandardCharsets.ISO_8859_1))
          .toString();
    }

    @Override
    public void close() throws IOException {
      socket.close();
    }
  }
}
