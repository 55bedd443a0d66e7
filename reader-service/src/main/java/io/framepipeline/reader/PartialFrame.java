package io.framepipeline.reader;

/**
 * What happens to an input that ends inside a frame: the values of {@code READER_PARTIAL_FRAME}.
 */
public enum PartialFrame {
  /** The reader refuses the input: a regular file before reading it, anything else at its end. */
  REFUSE,
  /** The reader fills the last frame up with zero bytes. */
  PAD
}
