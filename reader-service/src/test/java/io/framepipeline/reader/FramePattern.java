package io.framepipeline.reader;

import io.framepipeline.common.wire.Frames;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.Random;
import org.agrona.DirectBuffer;

/** An input whose neighbouring frames differ: frame {@code s} has bytes from 31 s mod 256 on. */
final class FramePattern {
  private static final int STARTS = 256;
  private static final byte[] PATTERN = new byte[STARTS + Frames.BYTE_PAYLOAD_LENGTH];

  static {
    new Random(0).nextBytes(PATTERN);
  }

  private FramePattern() {}

  /** Fills a buffer with the input's bytes from this one on. */
  static void read(long inputPosition, ByteBuffer to) {
    long position = inputPosition;
    while (to.hasRemaining()) {
      int at = (int) (position % Frames.BYTE_PAYLOAD_LENGTH);
      int count = Math.min(to.remaining(), Frames.BYTE_PAYLOAD_LENGTH - at);
      to.put(PATTERN, start(position / Frames.BYTE_PAYLOAD_LENGTH) + at, count);
      position += count;
    }
  }

  /** Whether a payload is this frame's. */
  static boolean isPayload(long sequence, DirectBuffer buffer, int offset) {
    byte[] payload = new byte[Frames.BYTE_PAYLOAD_LENGTH];
    buffer.getBytes(offset, payload);
    int start = start(sequence);
    return Arrays.equals(payload, 0, payload.length, PATTERN, start, start + payload.length);
  }

  private static int start(long sequence) {
    return (int) (31 * sequence & (STARTS - 1));
  }
}
