package io.framepipeline.common.http;

/** The status codes that this program answers with. */
public enum HttpStatus {
  OK(200, "OK"),
  BAD_REQUEST(400, "Bad Request"),
  FORBIDDEN(403, "Forbidden"),
  NOT_FOUND(404, "Not Found"),
  METHOD_NOT_ALLOWED(405, "Method Not Allowed"),
  CONTENT_TOO_LARGE(413, "Content Too Large"),
  HEAD_TOO_LARGE(431, "Request Header Fields Too Large"),
  INTERNAL_ERROR(500, "Internal Server Error"),
  UNAVAILABLE(503, "Service Unavailable");

  private final int code;
  private final String reason;

  HttpStatus(int code, String reason) {
    this.code = code;
    this.reason = reason;
  }

  /** As it stands in the first line of an answer. */
  @Override
  public String toString() {
    return code + " " + reason;
  }
}
