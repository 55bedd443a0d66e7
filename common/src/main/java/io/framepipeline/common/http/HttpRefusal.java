package io.framepipeline.common.http;

/** Thrown for bytes that are no request, or a request that is not served. */
final class HttpRefusal extends Exception {
  private static final long serialVersionUID = 1L;

  private final HttpStatus status;

  HttpRefusal(HttpStatus status) {
    super(status.toString());
    this.status = status;
  }

  HttpStatus status() {
    return status;
  }
}
