package io.framepipeline.reader;

import io.framepipeline.common.config.ExitException;

/**
 * Reads a source into {@link RetainedFrames}, on the reading thread. So a silent source delays
 * neither answers nor metrics nor the end.
 */
interface SourceReader extends AutoCloseable {
  /**
   * Sets what the reading thread calls after it has published frames. It calls this at once, or
   * after several reads while they are full. If the source falls silent after a full read, the
   * thread does not call it.
   */
  void onPublished(Runnable action);

  /** Starts reading, unless it was started or stopped before. */
  void start();

  /** Stops reading. Frames already published stay. */
  void stop();

  /** Whether no further frame will be published. */
  boolean hasEnded();

  /** Whether the input has ended, or all wanted frames were read. */
  boolean isFinished();

  /**
   * Why reading ended before the input did, or null.
   *
   * @throws IllegalStateException if a defect ended it
   */
  ExitException failure();

  @Override
  void close();
}
