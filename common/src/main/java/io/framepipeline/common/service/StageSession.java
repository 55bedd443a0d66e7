package io.framepipeline.common.service;

/** A stage's work while it is connected to one media driver. One thread at a time uses it. */
public interface StageSession extends AutoCloseable {
  /**
   * Runs one duty cycle.
   *
   * @param nowNanos {@link System#nanoTime}
   * @return how much work was done; at 0 the thread idles
   */
  int doWork(long nowNanos);

  /** Whether the last duty cycle left work undone because there was no room for it further on. */
  boolean isHeldBack();

  /** Announces in shared memory that the stage was told to stop. It works on. Called once. */
  void announceStop();

  /** Takes no new work from now on. Called once, after {@link #announceStop}. */
  void leave(long nowNanos);

  /**
   * Whether the last duty cycle left nothing to do: all that was accepted is handed on, or the
   * input has ended.
   */
  boolean isDone();

  /** Closes what belongs to the connection, which may be lost already. */
  @Override
  void close();
}
