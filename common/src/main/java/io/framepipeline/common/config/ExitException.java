package io.framepipeline.common.config;

/** Ends the process with one line and an exit code: wrong settings, wrong input. No stack trace. */
public final class ExitException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private final int exitCode;

  /**
   * Ends the process so.
   *
   * @param exitCode one of {@link ExitCode}
   * @param line names what is wrong, why, and the remedy
   */
  public ExitException(int exitCode, String line) {
    super(line, null, false, false);
    this.exitCode = exitCode;
  }

  public int exitCode() {
    return exitCode;
  }
}
