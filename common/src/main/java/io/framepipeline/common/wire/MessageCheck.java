package io.framepipeline.common.wire;

import io.aeron.logbuffer.FrameDescriptor;
import io.aeron.logbuffer.Header;
import io.framepipeline.common.wire.sbe.FrameBatchDecoder;
import io.framepipeline.common.wire.sbe.GroupSizeEncodingDecoder;
import io.framepipeline.common.wire.sbe.MessageHeaderDecoder;
import io.framepipeline.common.wire.sbe.NormsDecoder;
import org.agrona.DirectBuffer;

/**
 * Decides whether a message is the one kind that an inbox takes. Anyone who can open the Aeron
 * directory can put any bytes into an inbox; after this check every index that a handler computes
 * lies inside the message, and every number is one that a sender gives.
 */
public final class MessageCheck {
  /** Instead of a payload length: takes norms. */
  private static final int NORMS = -1;

  private static final int HEADER_LENGTH = MessageHeaderDecoder.ENCODED_LENGTH;
  private static final int GROUP_OFFSET = HEADER_LENGTH + NormsDecoder.BLOCK_LENGTH;
  private static final int NORMS_PREFIX_LENGTH =
      GROUP_OFFSET + GroupSizeEncodingDecoder.ENCODED_LENGTH;
  private static final int ANSWER_LENGTH = NormsDecoder.AnswersDecoder.sbeBlockLength();
  private static final int ANSWER_SEQUENCE_OFFSET =
      NormsDecoder.AnswersDecoder.sequenceEncodingOffset();
  private static final int ANSWER_NORM_OFFSET = NormsDecoder.AnswersDecoder.normEncodingOffset();

  private final MessageHeaderDecoder messageHeader = new MessageHeaderDecoder();
  private final FrameBatchDecoder batch = new FrameBatchDecoder();
  private final GroupSizeEncodingDecoder groupSize = new GroupSizeEncodingDecoder();
  private final int payloadLength;

  private MessageCheck(int payloadLength) {
    this.payloadLength = payloadLength;
  }

  /** Takes batches of frames with such payloads only: the inbox of a stage that computes. */
  public static MessageCheck forFrames(int payloadLength) {
    return new MessageCheck(payloadLength);
  }

  /** Takes norms only: a reader's inbox. */
  public static MessageCheck forNorms() {
    return new MessageCheck(NORMS);
  }

  /**
   * Judges the message of {@code length} bytes at {@code offset}; allocates nothing.
   *
   * @return why the message is to be skipped; null if it is to be taken
   */
  public RejectReason check(DirectBuffer buffer, int offset, int length, Header header) {
    if (length < HEADER_LENGTH
        || (header.flags() & FrameDescriptor.UNFRAGMENTED) != FrameDescriptor.UNFRAGMENTED) {
      return RejectReason.LENGTH;
    }
    messageHeader.wrap(buffer, offset);
    if (messageHeader.schemaId() != MessageHeaderDecoder.SCHEMA_ID) {
      return RejectReason.SCHEMA;
    }
    if (messageHeader.version() != MessageHeaderDecoder.SCHEMA_VERSION) {
      return RejectReason.VERSION;
    }
    return switch (messageHeader.templateId()) {
      case FrameBatchDecoder.TEMPLATE_ID ->
          payloadLength == NORMS ? RejectReason.STAGE : checkFrames(buffer, offset, length);
      case NormsDecoder.TEMPLATE_ID ->
          payloadLength == NORMS ? checkNorms(buffer, offset, length) : RejectReason.STAGE;
      default -> RejectReason.TEMPLATE;
    };
  }

  private RejectReason checkFrames(DirectBuffer buffer, int offset, int length) {
    if (messageHeader.blockLength() != FrameBatchDecoder.BLOCK_LENGTH
        || length != Frames.MESSAGE_LENGTH) {
      return RejectReason.LENGTH;
    }
    batch.wrap(
        buffer,
        offset + HEADER_LENGTH,
        FrameBatchDecoder.BLOCK_LENGTH,
        FrameBatchDecoder.SCHEMA_VERSION);
    if (batch.payloadLength() != payloadLength) {
      return RejectReason.STAGE;
    }
    int frames = batch.frameCount();
    if (frames < 1 || frames > Frames.BATCH_FRAMES) {
      return RejectReason.COUNT;
    }
    return isRange(batch.sequence(), frames) && isRange(batch.payloadNumber(), frames)
        ? null
        : RejectReason.NUMBER;
  }

  /** Whether the first of so many numbers is not negative, nor the one after the last. */
  private static boolean isRange(long first, int count) {
    return first >= 0 && first + count > 0;
  }

  private RejectReason checkNorms(DirectBuffer buffer, int offset, int length) {
    if (messageHeader.blockLength() != NormsDecoder.BLOCK_LENGTH || length < NORMS_PREFIX_LENGTH) {
      return RejectReason.LENGTH;
    }
    groupSize.wrap(buffer, offset + GROUP_OFFSET);
    if (groupSize.blockLength() != ANSWER_LENGTH
        || length != NORMS_PREFIX_LENGTH + groupSize.numInGroup() * ANSWER_LENGTH) {
      return RejectReason.LENGTH;
    }
    for (int answer = NORMS_PREFIX_LENGTH; answer < length; answer += ANSWER_LENGTH) {
      int at = offset + answer;
      if (buffer.getLong(at + ANSWER_SEQUENCE_OFFSET, NormsDecoder.BYTE_ORDER) < 0
          || !Double.isFinite(buffer.getDouble(at + ANSWER_NORM_OFFSET, NormsDecoder.BYTE_ORDER))) {
        return RejectReason.PAYLOAD;
      }
    }
    return null;
  }
}
