package io.framepipeline.common.wire;

import io.framepipeline.common.wire.sbe.FrameBatchDecoder;
import io.framepipeline.common.wire.sbe.MessageHeaderDecoder;

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
   * Most frames of a batch: what one read completes and one message speaks for. Large enough to
   * make a system call and a message cheap, and small enough to stay in a core's cache.
   */
  public static final int BATCH_FRAMES = 16;

  /** Bytes of a batch's message: message header and fields. The payloads stay in slots. */
  public static final int MESSAGE_LENGTH =
      MessageHeaderDecoder.ENCODED_LENGTH + FrameBatchDecoder.BLOCK_LENGTH;

  /** {@code READER_WINDOW_FRAMES}, if it is not set and there is little shared memory. */
  public static final int DEFAULT_WINDOW_FRAMES = 1024;

  /**
   * {@code READER_WINDOW_FRAMES}, if it is not set and there is ample shared memory. Such a window
   * is larger than a core's cache. So when a slot is written again, no other core's cache holds it
   * any more, and the kernel need not wait for that core.
   */
  public static final int AMPLE_WINDOW_FRAMES = 4096;

  /**
   * Largest {@code READER_WINDOW_FRAMES}: no two frames of a source in flight are further apart.
   */
  public static final int MAX_WINDOW_FRAMES = 1 << 16;

  private Frames() {}
}
