package io.framepipeline.common.config;

/** Exit codes of the services and of the local command; from 64 to 78 as in BSD's sysexits.h. */
public final class ExitCode {
  /** The ledger is closed and nothing was lost. */
  public static final int OK = 0;

  /** Frames were lost or abandoned. */
  public static final int LOST = 1;

  /** A setting or an argument is unknown, malformed or cannot be had (a port that is taken). */
  public static final int USAGE = 64;

  /** The input ends inside a frame. */
  public static final int PARTIAL_FRAME = 65;

  /** The input is missing, unreadable, or a directory. */
  public static final int NO_INPUT = 66;

  /** A defect of this program. */
  public static final int INTERNAL = 70;

  /** A process cannot be started. */
  public static final int START = 71;

  /** Output cannot be written. */
  public static final int OUTPUT = 74;

  /**
   * Told to stop before the end of the input, and everything read was delivered: as if SIGTERM had
   * ended the process, so that a container engine starts it again when it itself starts again.
   */
  public static final int STOPPED = 128 + 15;

  private ExitCode() {}
}
