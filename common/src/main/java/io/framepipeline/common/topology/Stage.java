package io.framepipeline.common.topology;

import io.framepipeline.common.wire.Frames;
import java.util.List;
import java.util.Locale;

/**
 * The topology: the stages, in the order in which a frame passes them. The first reads frames and
 * keeps each until its answer has come; the last answers. Settings, discovery, sizes of shared
 * memory, the command's options, reports, metrics and loss detection follow from this list.
 */
public enum Stage {
  READER(1, 0),
  RECIPROCAL(2, Frames.BYTE_PAYLOAD_LENGTH),
  NORM(3, Frames.FLOAT_PAYLOAD_LENGTH);

  /** All stages, in order. */
  public static final List<Stage> ALL = List.of(values());

  private final int id;
  private final int inputLength;

  /**
   * @param id identifies the stage in shared memory; unique, and never used for another one
   * @param inputLength bytes of a payload that the stage takes; 0 for the first, which takes none
   */
  Stage(int id, int inputLength) {
    this.id = id;
    this.inputLength = inputLength;
  }

  /** The first stage, which reads. */
  public static Stage first() {
    return ALL.getFirst();
  }

  /** The last stage, which answers. */
  public static Stage last() {
    return ALL.getLast();
  }

  /** Whether this is the first stage. */
  public boolean isFirst() {
    return this == first();
  }

  /** Whether this is the last stage. */
  public boolean isLast() {
    return this == last();
  }

  /**
   * The stage that takes what this one sends.
   *
   * @throws IllegalStateException for the last stage
   */
  public Stage next() {
    if (isLast()) {
      throw new IllegalStateException(this + " is the last stage");
    }
    return ALL.get(ALL.indexOf(this) + 1);
  }

  /** The stages that a frame passes before this one. */
  public List<Stage> upstream() {
    return ALL.subList(0, ALL.indexOf(this));
  }

  /** The stages that a frame passes after this one. */
  public List<Stage> downstream() {
    return ALL.subList(ALL.indexOf(this) + 1, ALL.size());
  }

  /** Identifies the stage in shared memory. */
  public int id() {
    return id;
  }

  /** Bytes of a payload that the stage takes; 0 for the first one. */
  public int inputLength() {
    return inputLength;
  }

  /** Bytes of a payload that the stage sends; 0 for the last one. */
  public int outputLength() {
    return isLast() ? 0 : next().inputLength;
  }

  /** The stage's name in labels, metrics and logs. */
  public String label() {
    return name().toLowerCase(Locale.ROOT);
  }

  /** The stage's name in the plural, as in the command's options. */
  public String plural() {
    return label() + "s";
  }
}
