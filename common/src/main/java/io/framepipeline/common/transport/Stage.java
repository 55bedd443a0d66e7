package io.framepipeline.common.transport;

import java.util.Locale;

/** The three stages, in the order in which a frame passes them. */
public enum Stage {
  READER(1),
  RECIPROCAL(2),
  NORM(3);

  private final int id;

  Stage(int id) {
    this.id = id;
  }

  /** What stands for the stage in shared memory. */
  int id() {
    return id;
  }

  /** The stage's name in labels, metrics and logs. */
  public String label() {
    return name().toLowerCase(Locale.ROOT);
  }
}
