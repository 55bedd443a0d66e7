package io.framepipeline.common.wire;

import static org.assertj.core.api.Assertions.assertThat;

import io.framepipeline.common.wire.sbe.FrameBatchEncoder;
import io.framepipeline.common.wire.sbe.MessageHeaderEncoder;
import io.framepipeline.common.wire.sbe.NormsEncoder;
import org.agrona.concurrent.UnsafeBuffer;
import org.junit.jupiter.api.Test;

class FramesTest {
  @Test
  void shouldHaveTheLengthsThatTheWireFormatPromises() {
    assertThat(Frames.ELEMENTS).isEqualTo(4096);
    assertThat(Frames.BYTE_PAYLOAD_LENGTH).isEqualTo(4096);
    assertThat(Frames.FLOAT_PAYLOAD_LENGTH).isEqualTo(16_384);
    assertThat(TestMessages.LOG_LENGTH).isEqualTo(96);
  }

  /** The bytes themselves, so that a changed schema cannot pass with a changed codec. */
  @Test
  void shouldEncodeFieldsLittleEndianAtTheirOffsets() {
    byte[] message = new byte[Frames.MESSAGE_LENGTH];
    new FrameBatchEncoder()
        .wrapAndApplyHeader(new UnsafeBuffer(message), 0, new MessageHeaderEncoder())
        .sequence(0x0102030405060708L)
        .originNanos(0x1112131415161718L)
        .payloadNumber(0x4142434445464748L)
        .sourceId(0x21222324)
        .answerStreamId(0x31323334)
        .payloadLength(0x61626364)
        .frameCount(0x5152);

    assertThat(message)
        .startsWith(0x26, 0x00, 1, 0, 0x00, 0x10, 5, 0)
        .containsSequence(8, 7, 6, 5, 4, 3, 2, 1)
        .containsSequence(0x18, 0x17, 0x16, 0x15, 0x14, 0x13, 0x12, 0x11)
        .containsSequence(0x48, 0x47, 0x46, 0x45, 0x44, 0x43, 0x42, 0x41)
        .endsWith(
            0x24, 0x23, 0x22, 0x21, 0x34, 0x33, 0x32, 0x31, 0x64, 0x63, 0x62, 0x61, 0x52, 0x51);
  }

  @Test
  void shouldEncodeNormsLittleEndianAtTheirOffsets() {
    byte[] message = new byte[8 + 4 + 4 + 16];
    new NormsEncoder()
        .wrapAndApplyHeader(new UnsafeBuffer(message), 0, new MessageHeaderEncoder())
        .sourceId(0x21222324)
        .answersCount(1)
        .next()
        .sequence(0x0102030405060708L)
        .norm(Double.longBitsToDouble(0x1112131415161718L));

    assertThat(message)
        .startsWith(4, 0, 3, 0, 0x00, 0x10, 5, 0, 0x24, 0x23, 0x22, 0x21, 16, 0, 1, 0)
        .endsWith(8, 7, 6, 5, 4, 3, 2, 1, 0x18, 0x17, 0x16, 0x15, 0x14, 0x13, 0x12, 0x11);
  }
}
