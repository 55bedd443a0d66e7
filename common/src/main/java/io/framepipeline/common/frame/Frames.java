package io.framepipeline.common.frame;

import io.framepipeline.common.frame.sbe.ByteFrameDecoder;
import io.framepipeline.common.frame.sbe.FloatFrameDecoder;
import io.framepipeline.common.frame.sbe.MessageHeaderDecoder;

/** Sizes of the frames, in elements and in bytes, and where their payload starts. */
public final class Frames {
  /** Rows, and columns, of the matrix that a frame is. */
  public static final int SIDE = 64;

  /** Elements of a frame: bytes before, float32 values after the reciprocal stage. */
  public static final int ELEMENTS = SIDE * SIDE;

  /** Bytes of a byte frame's payload. */
  public static final int BYTE_PAYLOAD_LENGTH = ELEMENTS * Byte.BYTES;

  /** Bytes of a float frame's payload. */
  public static final int FLOAT_PAYLOAD_LENGTH = ELEMENTS * Float.BYTES;

  /** Bytes from the start of a frame's message to its payload: message header and fields. */
  public static final int PAYLOAD_OFFSET =
      MessageHeaderDecoder.ENCODED_LENGTH + ByteFrameDecoder.BLOCK_LENGTH - BYTE_PAYLOAD_LENGTH;

  /** Bytes of a whole byte frame message. */
  public static final int BYTE_FRAME_LENGTH = PAYLOAD_OFFSET + BYTE_PAYLOAD_LENGTH;

  /** Bytes of a whole float frame message. */
  public static final int FLOAT_FRAME_LENGTH =
      MessageHeaderDecoder.ENCODED_LENGTH + FloatFrameDecoder.BLOCK_LENGTH;

  /**
   * Largest {@code READER_WINDOW_FRAMES}: no two frames of a source in flight are further apart.
   */
  public static final int MAX_WINDOW_FRAMES = 1 << 16;

  private Frames() {}
}
