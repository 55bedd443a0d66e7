package io.framepipeline.common.http;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.stream.Collectors;

/**
 * The answer to a request. The connection ends with it.
 *
 * @param headers further ones, each as it is sent, without the line's end
 */
public record HttpAnswer(
    HttpStatus status, String contentType, ByteBuffer body, List<String> headers) {
  /** An answer without further headers. */
  public HttpAnswer(HttpStatus status, String contentType, ByteBuffer body) {
    this(status, contentType, body, List.of());
  }

  /** A line of plain text. */
  public static HttpAnswer line(HttpStatus status, String text) {
    return new HttpAnswer(
        status, "text/plain; charset=us-ascii", StandardCharsets.US_ASCII.encode(text + "\n"));
  }

  /** A line with the status only. */
  static HttpAnswer of(HttpStatus status) {
    return line(status, status.toString());
  }

  /**
   * The bytes to send.
   *
   * @param isHead whether only the head was asked for; it is the same with and without a body
   */
  ByteBuffer toBytes(boolean isHead) {
    String allow = status == HttpStatus.METHOD_NOT_ALLOWED ? "Allow: GET, HEAD\r\n" : "";
    String head =
        "HTTP/1.1 "
            + status
            + "\r\n"
            + allow
            + headers.stream().map(header -> header + "\r\n").collect(Collectors.joining())
            + "Content-Type: "
            + contentType
            + "\r\n"
            + "Content-Length: "
            + body.remaining()
            + "\r\n"
            + "Connection: close\r\n\r\n";
    byte[] headBytes = head.getBytes(StandardCharsets.US_ASCII);
    ByteBuffer bytes = ByteBuffer.allocate(headBytes.length + (isHead ? 0 : body.remaining()));
    bytes.put(headBytes);
    if (!isHead) {
      bytes.put(body.duplicate());
    }
    return bytes.flip();
  }
}
