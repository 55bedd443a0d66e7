package io.framepipeline.common.frame;

import io.aeron.protocol.DataHeaderFlyweight;
import io.framepipeline.common.frame.sbe.ByteFrameDecoder;
import io.framepipeline.common.frame.sbe.MessageHeaderDecoder;

/** Sizes of the frames and of their messages. */
public final class Frames {
  /** Rows, and columns, of the matrix that a frame is. */
  public static final int SIDE = 64;

  /** Elements of a frame: bytes before, float32 values after the reciprocal stage. */
  public static final int ELEMENTS = SIDE * SIDE;

  /** Bytes of a byte frame's payload. */
  public static final int BYTE_PAYLOAD_LENGTH = ELEMENTS * Byte.BYTES;

  /** Bytes of a float frame's payload. */
  public static final int FLOAT_PAYLOAD_LENGTH = ELEMENTS * Float.BYTES;

  /**
   * Bytes of a frame's message, of bytes as of floats: message header and fields. In a log it takes
   * one cache line with Aeron's header; the payload stays in the sender's {@link FrameSlots}.
   */
  public static final int MESSAGE_LENGTH =
      MessageHeaderDecoder.ENCODED_LENGTH + ByteFrameDecoder.BLOCK_LENGTH;

  /** Bytes of a frame's message in a log. */
  public static final int LOG_LENGTH = DataHeaderFlyweight.HEADER_LENGTH + MESSAGE_LENGTH;

  /** {@code READER_WINDOW_FRAMES}, if it is not set. */
  public static final int DEFAULT_WINDOW_FRAMES = 1024;

  /**
   * Largest {@code READER_WINDOW_FRAMES}: no two frames of a source in flight are further apart.
   */
  public static final int MAX_WINDOW_FRAMES = 1 << 16;

  private Frames() {}
}
