package io.framepipeline.reader;

/**
 * What becomes of an input that ends inside a frame: the values of {@code READER_PARTIAL_FRAME}.
 */
public enum PartialFrame {
  /** The input is refused: a regular file before it is read, anything else at its end. */
  REFUSE,
  /** The last frame is filled up with zero bytes. */
  PAD
}
