package io.framepipeline.common.transport;

import io.framepipeline.common.frame.Frames;
import java.util.Locale;

/** The three stages, in the order in which a frame passes them. */
public enum Stage {
  READER(1, 0),
  RECIPROCAL(2, Frames.BYTE_PAYLOAD_LENGTH),
  NORM(3, Frames.FLOAT_PAYLOAD_LENGTH);

  private final int id;
  private final int payloadLength;

  Stage(int id, int payloadLength) {
    this.id = id;
    this.payloadLength = payloadLength;
  }

  /** What stands for the stage in shared memory. */
  int id() {
    return id;
  }

  /** Bytes of the payloads that it takes. */
  int payloadLength() {
    return payloadLength;
  }

  /** The stage's name in labels, metrics and logs. */
  public String label() {
    return name().toLowerCase(Locale.ROOT);
  }
}
