package io.framepipeline.common.wire;

import java.util.Locale;

/** Why an inbox skips a message, or frames of one. */
public enum RejectReason {
  /** Not a message of this schema, random bytes included. */
  SCHEMA,
  /** Another version of this schema. */
  VERSION,
  /** A template that this schema does not have. */
  TEMPLATE,
  /** A message of this schema that belongs in another stage's inbox. */
  STAGE,
  /** Too short, too long, or split over several Aeron fragments. */
  LENGTH,
  /** No frames, or more than a message may speak for. */
  COUNT,
  /** A sequence, or the number of a payload, that is negative or would become so. */
  NUMBER,
  /**
   * A payload is not, or no longer, in its slot. The sender wrote over it, because the frame was
   * completed by another way or this instance was taken for dead; or the sender has no slots. A
   * stage in the middle skips the frames of the batch up to the last such frame.
   */
  GONE,
  /**
   * Not what the stage before sends: floats whose norm is no finite number; an answer without a
   * finite norm, or for a negative sequence.
   */
  PAYLOAD,
  /**
   * Of a reader that this instance cannot answer: it keeps track of too many readers, or there is
   * no room for a log to this one.
   */
  SOURCES;

  /** The value of the metric tag {@code reason}. */
  public String label() {
    return name().toLowerCase(Locale.ROOT);
  }
}
