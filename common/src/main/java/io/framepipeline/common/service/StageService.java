package io.framepipeline.common.service;

import io.framepipeline.common.config.ExitCode;
import io.framepipeline.common.transport.DriverConnection;

/** One stage as {@link StageAgent} runs it; what must survive a lost driver is kept here. */
public interface StageService extends AutoCloseable {
  /**
   * Opens the stage's inbox and starts to work with the connection's driver.
   *
   * @param prompt has the session work at once; for one other thread of the stage, when it has made
   *     work
   */
  StageSession connect(DriverConnection connection, Runnable prompt);

  /** Reads nothing new from now on; its session, if there is one, is told as well. */
  default void stop() {}

  /** Takes over what the stage's other threads have done, while there is no session. */
  default void collect() {}

  /** Whether a driver is needed to end well: a reader must not leave with frames in flight. */
  default boolean needsConnection() {
    return false;
  }

  /** The process's exit code, asked for after the end. */
  default int exitCode() {
    return ExitCode.OK;
  }

  @Override
  default void close() {}
}
