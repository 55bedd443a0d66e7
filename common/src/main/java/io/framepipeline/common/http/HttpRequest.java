package io.framepipeline.common.http;

import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A request for a page, with the parts that this program uses.
 *
 * @param isHead whether only the answer's head is wanted
 * @param path without the query
 * @param headers by name in lower case; if a header comes several times, its values are joined
 */
public record HttpRequest(boolean isHead, String path, Map<String, String> headers) {
  /** A method, a target and the version. */
  private static final Pattern REQUEST_LINE = Pattern.compile("([A-Z]+) (\\S+) HTTP/1\\.[0-9]");

  /** The path. Before it is a host if the client speaks to a proxy; after it may be a query. */
  private static final Pattern TARGET = Pattern.compile("(?:http://[^/?]*)?(/[^?]*)(?:\\?.*)?");

  /**
   * A character that no head contains. Other protocols, such as TLS, begin with such characters.
   */
  private static final Pattern NO_TEXT = Pattern.compile("[^\\t\\r\\n -~]");

  private static final Pattern HEADER = Pattern.compile("([!-9;-~]+):[ \\t]*(.*)");

  /**
   * Parses a request, or refuses it as soon as enough of it has arrived.
   *
   * @param bytes what has arrived so far
   * @return null if the request's head is not complete
   * @throws HttpRefusal if these bytes cannot become a request, or not one that is served
   */
  static HttpRequest parse(byte[] bytes, int length) throws HttpRefusal {
    String text = new String(bytes, 0, length, StandardCharsets.ISO_8859_1);
    if (NO_TEXT.matcher(text).find()) {
      throw new HttpRefusal(HttpStatus.BAD_REQUEST);
    }
    // The last of these lines is not complete yet.
    String[] lines = text.split("\r?\n", -1);
    if (lines.length == 1) {
      return null;
    }
    Matcher requestLine = REQUEST_LINE.matcher(lines[0]);
    if (!requestLine.matches()) {
      throw new HttpRefusal(HttpStatus.BAD_REQUEST);
    }
    boolean isHead = requestLine.group(1).equals("HEAD");
    if (!isHead && !requestLine.group(1).equals("GET")) {
      throw new HttpRefusal(HttpStatus.METHOD_NOT_ALLOWED);
    }
    Matcher target = TARGET.matcher(requestLine.group(2));
    if (!target.matches()) {
      throw new HttpRefusal(HttpStatus.BAD_REQUEST);
    }
    Map<String, String> headers = new HashMap<>();
    for (int i = 1; i < lines.length - 1; i++) {
      if (lines[i].isEmpty()) {
        return new HttpRequest(isHead, target.group(1), Map.copyOf(headers));
      }
      Matcher header = HEADER.matcher(lines[i]);
      if (!header.matches()) {
        throw new HttpRefusal(HttpStatus.BAD_REQUEST);
      }
      String name = header.group(1).toLowerCase(Locale.ROOT);
      headers.merge(name, header.group(2), (first, more) -> first + "," + more);
      switch (name) {
        case "content-length" -> refuseBody(!header.group(2).strip().equals("0"));
        case "transfer-encoding" -> refuseBody(true);
        default -> {}
      }
    }
    return null;
  }

  /** The value of a header, named in lower case; empty if the client did not send it. */
  public String header(String name) {
    return headers.getOrDefault(name, "");
  }

  private static void refuseBody(boolean hasBody) throws HttpRefusal {
    if (hasBody) {
      throw new HttpRefusal(HttpStatus.CONTENT_TOO_LARGE);
    }
  }
}
