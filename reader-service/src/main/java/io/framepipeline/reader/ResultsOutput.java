package io.framepipeline.reader;

import java.io.IOException;

/** A format of results. It takes some results, then flushes them. Used by one thread. */
interface ResultsOutput {
  /** Whether there is room for another result before the next flush. */
  boolean hasRoom();

  /**
   * Takes a frame's result.
   *
   * @param norm NaN if the frame was abandoned
   */
  void add(long sequence, double norm);

  /**
   * Writes the results taken so far. Blocks while the process that reads the output does not read.
   *
   * @throws IOException if they cannot be written; results of earlier flushes stay in the output
   */
  void flush() throws IOException;

  /** Bytes of the results file by now; 0 if the output is no regular file. */
  default long bytes() {
    return 0;
  }

  /** Results of frames before this one are in the output, as far as the output itself knows. */
  default long written() {
    return 0;
  }
}
