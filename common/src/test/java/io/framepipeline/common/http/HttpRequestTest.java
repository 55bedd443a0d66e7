package io.framepipeline.common.http;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class HttpRequestTest {
  private static final String REQUEST =
      """
      GET /metrics?name=x HTTP/1.1\r
      Host: localhost:9400\r
      ACCEPT: text/plain;version=0.0.4\r
      User-Agent: Prometheus/3.16.0\r
      accept:  application/openmetrics-text\r
      Content-Length: 0\r
      \r
      """;

  @Test
  void shouldUnderstandARequestOnceItIsComplete() throws HttpRefusal {
    for (int length = 0; length < REQUEST.length(); length++) {
      assertThat(parse(REQUEST.substring(0, length))).as("first %d bytes", length).isNull();
    }
    HttpRequest request = parse(REQUEST);
    assertThat(request.isHead()).isFalse();
    assertThat(request.path()).isEqualTo("/metrics");
    assertThat(request.header("accept"))
        .isEqualTo("text/plain;version=0.0.4,application/openmetrics-text");
    assertThat(request.header("host")).isEqualTo("localhost:9400");
    assertThat(request.header("origin")).isEmpty();
    assertThat(parse(REQUEST + "GET /another HTTP/1.1\r\n")).isEqualTo(request);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "HEAD /a HTTP/1.1\r\n\r\n",
        "HEAD /a HTTP/1.0\n\n",
        "HEAD /a?b=/c?d HTTP/1.1\r\nX:\r\n\r\n",
        "HEAD http://host:1/a HTTP/1.1\r\nHost: host:1\r\n\r\n",
      })
  void shouldUnderstandEveryWayToAskForThePath(String request) throws HttpRefusal {
    assertThat(parse(request).isHead()).isTrue();
    assertThat(parse(request).path()).isEqualTo("/a");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "garbage\r\n",
        "\r\n",
        "GET /\r\n",
        "GET  / HTTP/1.1\r\n",
        "GET / HTTP/1.1 \r\n",
        "GET metrics HTTP/1.1\r\n",
        "GET / HTTP/2.0\r\n",
        "get / HTTP/1.1\r\n",
        "GET / HTTP/1.1\r\nno colon\r\n",
        "GET / HTTP/1.1\r\n: no name\r\n",
        "GET / HTTP/1.1\r\nname : value\r\n",
        "GET / HTTP/1.1\r\nX: 1\r\n folded\r\n",
        "\u0016\u0003\u0001",
        "GET /\u00fc",
        "\0",
      })
  void shouldRefuseWhatIsNoRequest(String bytes) {
    assertThat(refused(bytes)).isEqualTo(HttpStatus.BAD_REQUEST);
  }

  @ParameterizedTest
  @ValueSource(strings = {"POST", "PUT", "OPTIONS", "DELETE", "CONNECT", "X"})
  void shouldRefuseOtherMethods(String method) {
    assertThat(refused(method + " /metrics HTTP/1.1\r\n")).isEqualTo(HttpStatus.METHOD_NOT_ALLOWED);
  }

  @ParameterizedTest
  @ValueSource(strings = {"Content-Length: 1", "content-length: x", "Transfer-Encoding: chunked"})
  void shouldRefuseBodies(String header) {
    assertThat(refused("GET / HTTP/1.1\r\n" + header + "\r\n"))
        .isEqualTo(HttpStatus.CONTENT_TOO_LARGE);
  }

  /** Whatever comes is a request, may become one, or is refused; what was refused stays so. */
  @Test
  void shouldBeTotal() {
    Random random = new Random(17);
    for (int round = 0; round < 200; round++) {
      byte[] bytes = REQUEST.getBytes(StandardCharsets.ISO_8859_1);
      for (int change = random.nextInt(4); change >= 0; change--) {
        bytes[random.nextInt(bytes.length)] = (byte) random.nextInt(256);
      }
      HttpStatus refused = null;
      for (int length = 0; length <= bytes.length; length++) {
        HttpStatus now = refused(new String(bytes, 0, length, StandardCharsets.ISO_8859_1));
        assertThat(now == null && refused != null).as(() -> Arrays.toString(bytes)).isFalse();
        refused = now;
      }
    }
  }

  private static HttpRequest parse(String text) throws HttpRefusal {
    byte[] bytes = text.getBytes(StandardCharsets.ISO_8859_1);
    return HttpRequest.parse(bytes, bytes.length);
  }

  /** Why, or null. */
  private static HttpStatus refused(String text) {
    HttpRefusal refusal = catchThrowableOfType(HttpRefusal.class, () -> parse(text));
    return refusal == null ? null : refusal.status();
  }
}
