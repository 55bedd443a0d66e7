package io.framepipeline.common.frame;

import java.util.Locale;

/** What becomes of a message in an inbox: accepted, or the reason why it is skipped. */
public enum Verdict {
  ACCEPTED,
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
   * A payload of it is not, or no longer, where it should be: the sender wrote over it, since the
   * frame was done by another way or this instance was taken for lost; or the sender has no slots.
   * The frames whose payloads are there are not skipped.
   */
  GONE,
  /**
   * Not what the stage before sends: floats whose norm is no number; a norm that is none, or that
   * of no frame.
   */
  PAYLOAD,
  /**
   * Of a reader that this norm instance cannot answer: more of them at once than it keeps track of,
   * or no room for a log.
   */
  SOURCES;

  private static final Verdict[] VALUES = values();

  /** The number of verdicts, {@link #ACCEPTED} included. */
  public static int count() {
    return VALUES.length;
  }

  /** The value of the metric tag {@code reason}. */
  public String reason() {
    return name().toLowerCase(Locale.ROOT);
  }
}
