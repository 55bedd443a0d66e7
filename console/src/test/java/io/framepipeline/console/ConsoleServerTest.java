package io.framepipeline.console;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

@Timeout(value = 1, unit = TimeUnit.MINUTES)
class ConsoleServerTest {
  @TempDir private Path directory;

  private ConsoleServer server;

  @BeforeEach
  void open() throws IOException {
    InetAddress thisMachine = InetAddress.ofLiteral("127.0.0.1");
    server =
        new ConsoleServer(
            new InetSocketAddress(thisMachine, 0), new Monitor(directory.resolve("aeron")));
  }

  @AfterEach
  void close() {
    server.close();
  }

  @ParameterizedTest
  @ValueSource(strings = {"/", "/page.css", "/page.js", "/uPlot.min.css", "/uPlot.iife.min.js"})
  void shouldServeThePageAndAllThatItNeeds(String path) throws IOException {
    String answer = get(path, "Host: localhost:1");
    assertThat(answer)
        .startsWith("HTTP/1.1 200 ")
        .contains("Content-Security-Policy: default-src 'none'")
        .contains("X-Content-Type-Options: nosniff")
        .contains("Cross-Origin-Resource-Policy: same-origin")
        .doesNotContain("Access-Control");
    assertThat(body(answer)).isNotBlank().doesNotContain("http://").doesNotContain("src=\"//");
  }

  @Test
  void shouldServeTheStateAndTheHistory() throws IOException {
    JsonNode state = JsonMapper.shared().readTree(body(get("/state.json", "Host: localhost")));
    assertThat(state.propertyNames())
        .containsExactlyInAnyOrder(
            "epochMillis",
            "title",
            "driver",
            "stages",
            "ledger",
            "orphans",
            "windowFrames",
            "norms",
            "point",
            "events");
    assertThat(state.get("norms").get("counts"))
        .hasSize(state.get("norms").get("upperBounds").size() + 1);
    JsonNode history = JsonMapper.shared().readTree(body(get("/history.json", "Host: localhost")));
    assertThat(history.propertyNames())
        .containsExactlyInAnyOrderElementsOf(state.get("point").propertyNames());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "Host: localhost",
        "Host: LOCALHOST:8080",
        "Host: 127.0.0.1:1",
        "Host: [::1]:65535",
        "Host: localhost:1\r\nOrigin: http://localhost:1",
        "Host: localhost\r\nSec-Fetch-Site: same-origin",
        "Host: localhost\r\nSec-Fetch-Site: none"
      })
  void shouldAnswerThisMachinesOwnPage(String headers) throws IOException {
    assertThat(get("/state.json", headers)).startsWith("HTTP/1.1 200 ");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "Host: example.org",
        "Host: localhost.example.org",
        "Host: 127.0.0.1.example.org:80",
        "Host: 127.0.0.2",
        "Host: localhost:1:2",
        "Host:",
        "Accept: text/plain",
        "Host: localhost\r\nHost: example.org",
        "Host: localhost\r\nOrigin: http://example.org",
        "Host: localhost:1\r\nOrigin: http://localhost:2",
        "Host: localhost\r\nOrigin: null",
        "Host: localhost\r\nSec-Fetch-Site: cross-site",
        "Host: localhost\r\nSec-Fetch-Site: same-site",
        "Host: localhost\r\nSec-Fetch-Site: cross-site\r\nSec-Fetch-Dest: document"
      })
  void shouldTellOthersNothing(String headers) throws IOException {
    String answer = get("/state.json", headers);
    assertThat(answer).startsWith("HTTP/1.1 403 ");
    assertThat(body(answer)).hasSizeLessThan(100);
  }

  @Test
  void shouldLetAnotherPageLinkToThisOneButNotFrameIt() throws IOException {
    String link = "Host: localhost\r\nSec-Fetch-Site: cross-site\r\nSec-Fetch-Dest: ";
    assertThat(get("/", link + "document")).startsWith("HTTP/1.1 200 ");
    assertThat(get("/", link + "iframe")).startsWith("HTTP/1.1 403 ");
    assertThat(get("/page.js", link + "script")).startsWith("HTTP/1.1 403 ");
  }

  @ParameterizedTest
  @ValueSource(strings = {"POST", "PUT", "DELETE"})
  void shouldChangeNothing(String method) throws IOException {
    assertThat(send(method + " /state.json HTTP/1.1\r\nHost: localhost\r\n\r\n"))
        .startsWith("HTTP/1.1 405 ");
  }

  private String get(String path, String headers) throws IOException {
    return send("GET " + path + " HTTP/1.1\r\n" + headers + "\r\n\r\n");
  }

  private String send(String request) throws IOException {
    try (Socket socket = new Socket(InetAddress.ofLiteral("127.0.0.1"), server.port())) {
      socket.getOutputStream().write(request.getBytes(StandardCharsets.US_ASCII));
      return new String(socket.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    }
  }

  private static String body(String answer) {
    return answer.substring(answer.indexOf("\r\n\r\n") + 4);
  }
}
