package io.framepipeline.common.service;

import io.framepipeline.common.config.ExitCode;
import io.framepipeline.common.transport.DriverConnection;
import io.micrometer.core.instrument.MeterRegistry;

/** One stage, as {@link StageAgent} runs it. What must survive a lost driver is kept here. */
public interface StageService extends AutoCloseable {
  /**
   * Opens the stage's inbox and starts to work with the connection's driver.
   *
   * @param prompt runs the session at once; for one other thread of the stage, after it has made
   *     work
   */
  StageSession connect(DriverConnection connection, Runnable prompt);

  /** Adds metrics that only this stage has. Called when metrics are first asked for. */
  default void bindTo(MeterRegistry registry) {}

  /** Reads nothing new from now on. The session, if there is one, is told as well. */
  default void stop() {}

  /** While there is no session, takes over what the stage's other threads have done. */
  default void collect() {}

  /** Whether a driver is needed for a clean end: a reader must not leave with frames in flight. */
  default boolean needsConnection() {
    return false;
  }

  /** Whether no work is left for a successor. Asked for after the exit code. */
  default boolean hasEnded() {
    return true;
  }

  /** The process's exit code, which is asked for after the end. */
  default int exitCode() {
    return ExitCode.OK;
  }

  @Override
  default void close() {}
}
