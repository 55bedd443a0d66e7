package io.framepipeline.reader;

import java.io.IOException;

/** How results are written: filled with some, then flushed, by one thread. */
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
   * Writes what was taken; blocks as long as whoever reads it.
   *
   * @throws IOException if it cannot be written; what was flushed before is there all the same
   */
  void flush() throws IOException;
}
