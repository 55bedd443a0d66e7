package io.framepipeline.reader;

import io.framepipeline.common.config.ExitException;

/**
 * Reads a source into {@link RetainedFrames}, on the reading thread. So a silent source delays
 * neither answers nor metrics nor the end.
 */
abstract class SourceReader implements AutoCloseable {
  private final Thread thread = Thread.ofPlatform().name("source").daemon().unstarted(this::run);
  private volatile Runnable onPublished = () -> {};
  private boolean isStarted;
  private volatile boolean isStopped;
  private volatile boolean isFinished;
  private volatile ExitException failure;
  private volatile Throwable defect;

  /**
   * Sets what the reading thread calls after it has published frames. It calls this at once, or
   * after several reads while they are full. If a stream falls silent after a full read, the thread
   * calls it within a moment. It does not during a read of anything else.
   */
  void onPublished(Runnable action) {
    onPublished = action;
  }

  /** Starts reading, unless it was started or stopped before. */
  void start() {
    if (!isStarted && !isStopped) {
      isStarted = true;
      thread.start();
    }
  }

  /** Stops reading. Frames already published stay. */
  void stop() {
    isStopped = true;
    wake();
  }

  /** Whether no further frame will be published. */
  boolean hasEnded() {
    return isStarted ? hasReadingEnded() : isStopped;
  }

  /** Whether the input has ended, or all wanted frames were read. */
  boolean isFinished() {
    return isFinished;
  }

  /**
   * Why reading ended before the input did, or null.
   *
   * @throws IllegalStateException if a defect ended it
   */
  ExitException failure() {
    if (defect != null) {
      throw new IllegalStateException("reading the source failed", defect);
    }
    return failure;
  }

  @Override
  public abstract void close();

  // ---- for the two kinds of readers ----

  /** What the reading thread does. */
  abstract void run();

  /** Wakes the reading thread from its waits, so that it sees that it is stopped. */
  abstract void wake();

  /** Whether the reading thread, which was started, publishes no further frame. */
  abstract boolean hasReadingEnded();

  /** The reading thread. */
  Thread thread() {
    return thread;
  }

  boolean isStarted() {
    return isStarted;
  }

  boolean isStopped() {
    return isStopped;
  }

  /** Tells the duty cycle of frames that were published. */
  void tellPublished() {
    onPublished.run();
  }

  void setFinished(boolean isFinished) {
    this.isFinished = isFinished;
  }

  /** Notes why reading ended before the input did. */
  void fail(ExitException why) {
    failure = why;
  }

  /** Notes a defect, which ended reading. */
  void failByDefect(Throwable why) {
    defect = why;
  }
}
