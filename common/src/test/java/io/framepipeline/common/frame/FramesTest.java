package io.framepipeline.common.frame;

import static org.assertj.core.api.Assertions.assertThat;

import io.aeron.logbuffer.FrameDescriptor;
import io.aeron.logbuffer.LogBufferDescriptor;
import io.framepipeline.common.frame.sbe.ByteFrameEncoder;
import io.framepipeline.common.frame.sbe.FloatFrameEncoder;
import io.framepipeline.common.frame.sbe.MessageHeaderEncoder;
import org.agrona.BitUtil;
import org.agrona.concurrent.UnsafeBuffer;
import org.junit.jupiter.api.Test;

class FramesTest {
  @Test
  void shouldHaveTheLengthsThatTheWireFormatPromises() {
    assertThat(Frames.ELEMENTS).isEqualTo(4096);
    assertThat(Frames.BYTE_PAYLOAD_LENGTH).isEqualTo(4096);
    assertThat(Frames.FLOAT_PAYLOAD_LENGTH).isEqualTo(16_384);
    assertThat(FloatFrameEncoder.BLOCK_LENGTH).isEqualTo(ByteFrameEncoder.BLOCK_LENGTH);
  }

  /** What numbers float frames by their position, and bounds logs by frames, relies on it. */
  @Test
  void shouldTakeOneCacheLineOfALog() {
    assertThat(Frames.LOG_LENGTH).isEqualTo(64);
    assertThat(BitUtil.align(Frames.LOG_LENGTH, FrameDescriptor.FRAME_ALIGNMENT))
        .isEqualTo(Frames.LOG_LENGTH);
    assertThat(LogBufferDescriptor.TERM_MIN_LENGTH % Frames.LOG_LENGTH).isZero();
  }

  /** The bytes themselves, so that a changed schema cannot pass with a changed codec. */
  @Test
  void shouldEncodeFieldsLittleEndianAtTheirOffsets() {
    byte[] message = new byte[Frames.MESSAGE_LENGTH];
    new ByteFrameEncoder()
        .wrapAndApplyHeader(new UnsafeBuffer(message), 0, new MessageHeaderEncoder())
        .sequence(0x0102030405060708L)
        .originNanos(0x1112131415161718L)
        .sourceId(0x21222324)
        .ackStreamId(0x31323334);

    assertThat(message)
        .startsWith(0x18, 0x00, 1, 0, 0x00, 0x10, 2, 0)
        .containsSequence(8, 7, 6, 5, 4, 3, 2, 1)
        .containsSequence(0x18, 0x17, 0x16, 0x15, 0x14, 0x13, 0x12, 0x11)
        .containsSequence(0x24, 0x23, 0x22, 0x21, 0x34, 0x33, 0x32, 0x31);
  }
}
