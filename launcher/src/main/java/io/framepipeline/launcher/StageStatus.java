package io.framepipeline.launcher;

/**
 * How many instances a stage has, by state.
 *
 * @param running at work
 * @param starting wanted, but not ready yet: starting up, or waiting to be started again
 * @param leaving told to leave, and not ended yet
 */
record StageStatus(int running, int starting, int leaving) {
  /** Whether no instance is starting or leaving. */
  boolean isSettled() {
    return starting == 0 && leaving == 0;
  }

  @Override
  public String toString() {
    return running
        + " running"
        + (starting == 0 ? "" : ", " + starting + " starting")
        + (leaving == 0 ? "" : ", " + leaving + " leaving");
  }
}
