package io.framepipeline.common.service;

/** A stage's work while it is connected to one media driver. Used by one thread at a time. */
public interface StageSession extends AutoCloseable {
  /**
   * One duty cycle.
   *
   * @param nowNanos {@link System#nanoTime}
   * @return how much was done; 0 lets the duty cycle idle
   */
  int doWork(long nowNanos);

  /** Says in shared memory that the stage was told to stop; it works on. Called once. */
  void announceStop();

  /** Takes on nothing new from now on. Called once, after {@link #announceStop}. */
  void leave(long nowNanos);

  /**
   * Whether nothing was left to do at the last duty cycle: all that was accepted is handed on, or
   * the input has ended.
   */
  boolean isDone();

  /** Closes what belongs to the connection, which may be lost already. */
  @Override
  void close();
}
