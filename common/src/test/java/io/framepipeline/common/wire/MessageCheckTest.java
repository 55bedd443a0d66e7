package io.framepipeline.common.wire;

import static org.assertj.core.api.Assertions.assertThat;

import io.aeron.logbuffer.FrameDescriptor;
import io.aeron.logbuffer.Header;
import io.aeron.protocol.DataHeaderFlyweight;
import io.framepipeline.common.wire.sbe.FrameBatchDecoder;
import io.framepipeline.common.wire.sbe.MessageHeaderDecoder;
import io.framepipeline.common.wire.sbe.MessageHeaderEncoder;
import io.framepipeline.common.wire.sbe.NormsDecoder;
import io.framepipeline.common.wire.sbe.NormsEncoder;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.Random;
import org.agrona.concurrent.UnsafeBuffer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

class MessageCheckTest {
  /** Where in the buffer messages lie, so that an index taken from 0 would be noticed. */
  private static final int OFFSET = 64;

  private static final int ANSWER_COUNT = 5;
  private static final int ANSWER_LENGTH = Long.BYTES + Double.BYTES;
  private static final int NORMS_PREFIX_LENGTH = 8 + 4 + 4;
  private static final int NORMS_BLOCK_LENGTH_INDEX = 8 + 4;
  private static final int NORMS_NUM_IN_GROUP_INDEX = NORMS_BLOCK_LENGTH_INDEX + 2;
  private static final int SEQUENCE_INDEX = MessageHeaderDecoder.ENCODED_LENGTH;
  private static final int PAYLOAD_NUMBER_INDEX = SEQUENCE_INDEX + 2 * Long.BYTES;
  private static final int FRAME_COUNT_INDEX = Frames.MESSAGE_LENGTH - 2;
  private static final int PAYLOAD_LENGTH_INDEX = FRAME_COUNT_INDEX - Integer.BYTES;
  private static final int MAX_LENGTH = 128;

  /** The three kinds, each with its check and a whole message. */
  enum Kind {
    BYTE_FRAME(FrameBatchDecoder.BLOCK_LENGTH, Frames.MESSAGE_LENGTH, Frames.BYTE_PAYLOAD_LENGTH),
    FLOAT_FRAME(FrameBatchDecoder.BLOCK_LENGTH, Frames.MESSAGE_LENGTH, Frames.FLOAT_PAYLOAD_LENGTH),
    NORMS(NormsDecoder.BLOCK_LENGTH, NORMS_PREFIX_LENGTH + ANSWER_COUNT * ANSWER_LENGTH, 0);

    final int blockLength;
    final int length;
    final int payloadLength;

    Kind(int blockLength, int length, int payloadLength) {
      this.blockLength = blockLength;
      this.length = length;
      this.payloadLength = payloadLength;
    }

    MessageCheck newCheck() {
      return switch (this) {
        case BYTE_FRAME, FLOAT_FRAME -> MessageCheck.forFrames(payloadLength);
        case NORMS -> MessageCheck.forNorms();
      };
    }
  }

  private final UnsafeBuffer buffer = new UnsafeBuffer(new byte[OFFSET + MAX_LENGTH]);
  private final MessageHeaderEncoder messageHeader = new MessageHeaderEncoder();

  @ParameterizedTest
  @EnumSource
  void shouldAcceptAWholeMessageOfItsKind(Kind kind) {
    write(kind);

    assertThat(check(kind, kind.length)).isNull();
  }

  @ParameterizedTest
  @EnumSource
  void shouldRejectAnotherSchema(Kind kind) {
    write(kind);
    messageHeader.schemaId(MessageHeaderDecoder.SCHEMA_ID + 1);

    assertThat(check(kind, kind.length)).isEqualTo(RejectReason.SCHEMA);
  }

  @ParameterizedTest
  @EnumSource
  void shouldRejectAnotherVersion(Kind kind) {
    for (int version : new int[] {0, MessageHeaderDecoder.SCHEMA_VERSION + 1, 0xFFFF}) {
      write(kind);
      messageHeader.version(version);

      assertThat(check(kind, kind.length))
          .as("version %d", version)
          .isEqualTo(RejectReason.VERSION);
    }
  }

  @ParameterizedTest
  @EnumSource
  void shouldRejectAnUnknownTemplate(Kind kind) {
    for (int template : new int[] {0, 4, 0xFFFF}) {
      write(kind);
      messageHeader.templateId(template);

      assertThat(check(kind, kind.length))
          .as("template %d", template)
          .isEqualTo(RejectReason.TEMPLATE);
    }
  }

  @ParameterizedTest
  @EnumSource
  void shouldRejectAMessageForAnotherStage(Kind kind) {
    for (Kind other : Kind.values()) {
      if (other != kind) {
        write(other);

        assertThat(check(kind, other.length)).as("%s", other).isEqualTo(RejectReason.STAGE);
      }
    }
  }

  @ParameterizedTest
  @EnumSource
  void shouldRejectEveryOtherLength(Kind kind) {
    write(kind);

    for (int length = 0; length <= MAX_LENGTH; length++) {
      assertThat(check(kind, length))
          .as("length %d", length)
          .isEqualTo(length == kind.length ? null : RejectReason.LENGTH);
    }
  }

  @ParameterizedTest
  @EnumSource
  void shouldRejectAnotherBlockLength(Kind kind) {
    for (int blockLength : new int[] {0, kind.blockLength - 1, kind.blockLength + 1, 0xFFFF}) {
      write(kind);
      messageHeader.blockLength(blockLength);

      assertThat(check(kind, kind.length))
          .as("block length %d", blockLength)
          .isEqualTo(RejectReason.LENGTH);
    }
  }

  @ParameterizedTest
  @EnumSource
  void shouldRejectAFragmentOfALongerMessage(Kind kind) {
    write(kind);

    for (byte flags :
        new byte[] {0, FrameDescriptor.BEGIN_FRAG_FLAG, FrameDescriptor.END_FRAG_FLAG}) {
      assertThat(check(kind, kind.length, flags))
          .as("flags %x", flags)
          .isEqualTo(RejectReason.LENGTH);
    }
  }

  @ParameterizedTest
  @EnumSource(names = {"BYTE_FRAME", "FLOAT_FRAME"})
  void shouldAcceptOneToSixteenFrames(Kind kind) {
    write(kind);
    for (int count = 0; count <= 0xFFFF; count++) {
      setFrameCount(count);

      assertThat(check(kind, kind.length))
          .as("%d frames", count)
          .isEqualTo(count >= 1 && count <= 16 ? null : RejectReason.COUNT);
    }
  }

  @ParameterizedTest
  @EnumSource(names = {"BYTE_FRAME", "FLOAT_FRAME"})
  void shouldRejectNumbersThatNoSenderGives(Kind kind) {
    for (int index : new int[] {SEQUENCE_INDEX, PAYLOAD_NUMBER_INDEX}) {
      for (long number : new long[] {-1, -16, Long.MIN_VALUE, Long.MAX_VALUE - 15}) {
        write(kind);
        setFrameCount(16);
        buffer.putLong(OFFSET + index, number, ByteOrder.LITTLE_ENDIAN);

        assertThat(check(kind, kind.length))
            .as("%d at %d", number, index)
            .isEqualTo(RejectReason.NUMBER);
      }
      buffer.putLong(OFFSET + index, Long.MAX_VALUE - 16, ByteOrder.LITTLE_ENDIAN);
      assertThat(check(kind, kind.length)).as("the last one").isNull();
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {0, ANSWER_COUNT - 1, ANSWER_COUNT + 1, 0xFFFF})
  void shouldRejectNormsWhoseCountIsNotTheirNumber(int count) {
    write(Kind.NORMS);
    buffer.putShort(OFFSET + NORMS_NUM_IN_GROUP_INDEX, (short) count);

    assertThat(check(Kind.NORMS, Kind.NORMS.length)).isEqualTo(RejectReason.LENGTH);
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 8, 15, 17, 0xFFFF})
  void shouldRejectNormsWhoseEntriesAreOfAnotherLength(int blockLength) {
    write(Kind.NORMS);
    buffer.putShort(OFFSET + NORMS_BLOCK_LENGTH_INDEX, (short) blockLength);

    // The length that such a group would have: only the entry length itself gives it away.
    for (int length :
        new int[] {Kind.NORMS.length, NORMS_PREFIX_LENGTH + ANSWER_COUNT * blockLength}) {
      if (length <= MAX_LENGTH) {
        assertThat(check(Kind.NORMS, length))
            .as("length %d", length)
            .isEqualTo(RejectReason.LENGTH);
      }
    }
  }

  @Test
  void shouldAcceptNormsOfAnyNumberThatFits() {
    for (int count = 0; NORMS_PREFIX_LENGTH + count * ANSWER_LENGTH <= MAX_LENGTH; count++) {
      writeNorms(count);

      assertThat(check(Kind.NORMS, NORMS_PREFIX_LENGTH + count * ANSWER_LENGTH))
          .as("%d answers", count)
          .isNull();
    }
  }

  @ParameterizedTest
  @ValueSource(doubles = {Double.NaN, Double.POSITIVE_INFINITY, Double.NEGATIVE_INFINITY})
  void shouldRejectNormsThatAreNoNumbers(double norm) {
    for (int answer = 0; answer < ANSWER_COUNT; answer++) {
      write(Kind.NORMS);
      buffer.putDouble(answerOffset(answer) + Long.BYTES, norm);

      assertThat(check(Kind.NORMS, Kind.NORMS.length)).isEqualTo(RejectReason.PAYLOAD);
    }
  }

  @ParameterizedTest
  @ValueSource(longs = {-1, Long.MIN_VALUE})
  void shouldRejectNormsOfNoFrame(long sequence) {
    for (int answer = 0; answer < ANSWER_COUNT; answer++) {
      write(Kind.NORMS);
      buffer.putLong(answerOffset(answer), sequence);

      assertThat(check(Kind.NORMS, Kind.NORMS.length)).isEqualTo(RejectReason.PAYLOAD);
    }
  }

  @ParameterizedTest
  @EnumSource
  void shouldNeverAcceptRandomBytes(Kind kind) {
    Random random = new Random(1);
    byte[] bytes = new byte[MAX_LENGTH];
    for (int i = 0; i < 20_000; i++) {
      random.nextBytes(bytes);
      buffer.putBytes(OFFSET, bytes);
      int length = i % 2 == 0 ? kind.length : random.nextInt(MAX_LENGTH);

      assertThat(check(kind, length)).isNotNull();
    }
  }

  /** Random but for one part, so that every test after the schema's is reached too. */
  @ParameterizedTest
  @EnumSource
  void shouldAcceptDamagedMessagesOnlyIfTheDamageIsInTheContent(Kind kind) {
    Random random = new Random(2);
    int prefix = kind == Kind.NORMS ? NORMS_PREFIX_LENGTH : Frames.MESSAGE_LENGTH;
    byte[] whole = new byte[prefix];
    write(kind);
    buffer.getBytes(OFFSET, whole);
    for (int i = 0; i < 20_000; i++) {
      byte[] damaged = whole.clone();
      int at = random.nextInt(prefix);
      damaged[at] = (byte) random.nextInt();
      buffer.putBytes(OFFSET, damaged);

      boolean isContent =
          kind == Kind.NORMS
              ? at >= MessageHeaderDecoder.ENCODED_LENGTH && at < NORMS_BLOCK_LENGTH_INDEX
              : at >= MessageHeaderDecoder.ENCODED_LENGTH && at < PAYLOAD_LENGTH_INDEX;
      boolean isSame = Arrays.equals(damaged, whole);
      boolean isOtherCount =
          kind != Kind.NORMS && at == FRAME_COUNT_INDEX && damaged[at] >= 1 && damaged[at] <= 16;
      boolean isSign =
          kind != Kind.NORMS
              && (at == SEQUENCE_INDEX + Long.BYTES - 1
                  || at == PAYLOAD_NUMBER_INDEX + Long.BYTES - 1);
      boolean isNegative = isSign && damaged[at] < 0;
      assertThat(check(kind, kind.length) == null)
          .as("byte %d is %d", at, damaged[at])
          .isEqualTo((isContent && !isNegative) || isSame || isOtherCount);
    }
  }

  /** What lies behind a message is another sender's: the judgement must not depend on it. */
  @ParameterizedTest
  @EnumSource
  void shouldNotLookBehindTheMessage(Kind kind) {
    for (int length = 0; length <= Math.min(kind.length, 64); length++) {
      write(kind);
      buffer.setMemory(OFFSET + length, MAX_LENGTH - length, (byte) 0);
      RejectReason reason = check(kind, length);
      buffer.setMemory(OFFSET + length, MAX_LENGTH - length, (byte) 0xFF);

      assertThat(check(kind, length)).as("length %d", length).isEqualTo(reason);
    }
  }

  private void write(Kind kind) {
    if (kind == Kind.NORMS) {
      writeNorms(ANSWER_COUNT);
    } else {
      buffer.setMemory(OFFSET, MAX_LENGTH, (byte) 0);
      messageHeader
          .wrap(buffer, OFFSET)
          .blockLength(kind.blockLength)
          .templateId(FrameBatchDecoder.TEMPLATE_ID)
          .schemaId(MessageHeaderDecoder.SCHEMA_ID)
          .version(MessageHeaderDecoder.SCHEMA_VERSION);
      setFrameCount(1);
      buffer.putInt(OFFSET + PAYLOAD_LENGTH_INDEX, kind.payloadLength, ByteOrder.LITTLE_ENDIAN);
    }
  }

  private void setFrameCount(int count) {
    buffer.putShort(OFFSET + FRAME_COUNT_INDEX, (short) count);
  }

  private static int answerOffset(int answer) {
    return OFFSET + NORMS_PREFIX_LENGTH + answer * ANSWER_LENGTH;
  }

  private void writeNorms(int count) {
    buffer.setMemory(OFFSET, MAX_LENGTH, (byte) 0);
    NormsEncoder.AnswersEncoder answers =
        new NormsEncoder()
            .wrapAndApplyHeader(buffer, OFFSET, messageHeader)
            .sourceId(7)
            .answersCount(count);
    for (int i = 0; i < count; i++) {
      answers.next().sequence(i).norm(i / 3.0);
    }
  }

  private RejectReason check(Kind kind, int length) {
    return check(kind, length, FrameDescriptor.UNFRAGMENTED);
  }

  private RejectReason check(Kind kind, int length, byte flags) {
    UnsafeBuffer frameHeader = new UnsafeBuffer(new byte[DataHeaderFlyweight.HEADER_LENGTH]);
    frameHeader.putByte(FrameDescriptor.flagsOffset(0), flags);
    Header header = new Header(0, 0);
    header.buffer(frameHeader).offset(0);
    return kind.newCheck().check(buffer, OFFSET, length, header);
  }
}
