package io.framepipeline.common.frame;

import static org.assertj.core.api.Assertions.assertThat;

import io.aeron.logbuffer.FrameDescriptor;
import io.aeron.protocol.DataHeaderFlyweight;
import io.framepipeline.common.frame.sbe.ByteFrameEncoder;
import io.framepipeline.common.frame.sbe.FloatFrameEncoder;
import io.framepipeline.common.frame.sbe.MessageHeaderEncoder;
import org.agrona.BitUtil;
import org.agrona.concurrent.UnsafeBuffer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class FramesTest {
  private static final int ALIGNMENT = 64;

  @Test
  void shouldHaveTheLengthsThatTheWireFormatPromises() {
    assertThat(Frames.ELEMENTS).isEqualTo(4096);
    assertThat(Frames.PAYLOAD_OFFSET).isEqualTo(32);
    assertThat(Frames.BYTE_FRAME_LENGTH).isEqualTo(4128);
    assertThat(Frames.FLOAT_FRAME_LENGTH).isEqualTo(16_416);
  }

  @Test
  void shouldStartThePayloadWhereTheCodecsPutIt() {
    assertThat(MessageHeaderEncoder.ENCODED_LENGTH + ByteFrameEncoder.payloadEncodingOffset())
        .isEqualTo(Frames.PAYLOAD_OFFSET);
    assertThat(MessageHeaderEncoder.ENCODED_LENGTH + FloatFrameEncoder.payloadEncodingOffset())
        .isEqualTo(Frames.PAYLOAD_OFFSET);
    assertThat(Frames.BYTE_FRAME_LENGTH)
        .isEqualTo(MessageHeaderEncoder.ENCODED_LENGTH + ByteFrameEncoder.BLOCK_LENGTH);
    assertThat(Frames.FLOAT_FRAME_LENGTH)
        .isEqualTo(Frames.PAYLOAD_OFFSET + Frames.FLOAT_PAYLOAD_LENGTH);
  }

  /** Terms are page-aligned and hold nothing but such frames, so each starts on a multiple. */
  @ParameterizedTest
  @ValueSource(ints = {Frames.BYTE_FRAME_LENGTH, Frames.FLOAT_FRAME_LENGTH})
  void shouldAlignEveryPayloadInTheLogToACacheLine(int messageLength) {
    int frameLength =
        BitUtil.align(
            DataHeaderFlyweight.HEADER_LENGTH + messageLength, FrameDescriptor.FRAME_ALIGNMENT);

    assertThat(frameLength % ALIGNMENT).isZero();
    assertThat((DataHeaderFlyweight.HEADER_LENGTH + Frames.PAYLOAD_OFFSET) % ALIGNMENT).isZero();
  }

  /** The bytes themselves, so that a changed schema cannot pass with a changed codec. */
  @Test
  void shouldEncodeFieldsLittleEndianAtTheirOffsets() {
    byte[] message = new byte[Frames.BYTE_FRAME_LENGTH];
    new ByteFrameEncoder()
        .wrapAndApplyHeader(new UnsafeBuffer(message), 0, new MessageHeaderEncoder())
        .sequence(0x0102030405060708L)
        .originNanos(0x1112131415161718L)
        .sourceId(0x21222324)
        .ackStreamId(0x31323334);

    assertThat(message)
        .startsWith(0x18, 0x10, 1, 0, 0x00, 0x10, 1, 0)
        .containsSequence(8, 7, 6, 5, 4, 3, 2, 1)
        .containsSequence(0x18, 0x17, 0x16, 0x15, 0x14, 0x13, 0x12, 0x11)
        .containsSequence(0x24, 0x23, 0x22, 0x21, 0x34, 0x33, 0x32, 0x31);
  }
}
