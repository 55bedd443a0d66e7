package io.framepipeline.common.frame;

import io.aeron.logbuffer.FrameDescriptor;
import io.aeron.logbuffer.Header;
import io.framepipeline.common.frame.sbe.ByteFramesDecoder;
import io.framepipeline.common.frame.sbe.FloatFramesDecoder;
import io.framepipeline.common.frame.sbe.GroupSizeEncodingDecoder;
import io.framepipeline.common.frame.sbe.MessageHeaderDecoder;
import io.framepipeline.common.frame.sbe.NormsDecoder;
import org.agrona.DirectBuffer;

/**
 * Decides whether a message is the one kind that an inbox takes. Anyone who can open the Aeron
 * directory can put any bytes into an inbox; after this check every index that a handler computes
 * lies inside the message, and every number is one that a sender gives.
 */
public final class MessageCheck {
  private static final int SEQUENCE_OFFSET =
      MessageHeaderDecoder.ENCODED_LENGTH + ByteFramesDecoder.sequenceEncodingOffset();
  private static final int PAYLOAD_NUMBER_OFFSET =
      MessageHeaderDecoder.ENCODED_LENGTH + ByteFramesDecoder.payloadNumberEncodingOffset();
  private static final int FRAME_COUNT_OFFSET =
      MessageHeaderDecoder.ENCODED_LENGTH + ByteFramesDecoder.frameCountEncodingOffset();

  private static final int GROUP_ENTRY_LENGTH = NormsDecoder.AnswersDecoder.sbeBlockLength();
  private static final int ANSWER_SEQUENCE_OFFSET =
      NormsDecoder.AnswersDecoder.sequenceEncodingOffset();
  private static final int ANSWER_NORM_OFFSET = NormsDecoder.AnswersDecoder.normEncodingOffset();
  private static final int GROUP_OFFSET =
      MessageHeaderDecoder.ENCODED_LENGTH + NormsDecoder.BLOCK_LENGTH;
  private static final int NORMS_PREFIX_LENGTH =
      GROUP_OFFSET + GroupSizeEncodingDecoder.ENCODED_LENGTH;

  private final MessageHeaderDecoder messageHeader = new MessageHeaderDecoder();
  private final GroupSizeEncodingDecoder groupSize = new GroupSizeEncodingDecoder();
  private final int templateId;
  private final int blockLength;

  private MessageCheck(int templateId, int blockLength) {
    this.templateId = templateId;
    this.blockLength = blockLength;
  }

  /** Takes byte frames only: a reciprocal's inbox. */
  public static MessageCheck forByteFrames() {
    return new MessageCheck(ByteFramesDecoder.TEMPLATE_ID, ByteFramesDecoder.BLOCK_LENGTH);
  }

  /** Takes float frames only: a norm's inbox. */
  public static MessageCheck forFloatFrames() {
    return new MessageCheck(FloatFramesDecoder.TEMPLATE_ID, FloatFramesDecoder.BLOCK_LENGTH);
  }

  /** Takes norms only: a reader's inbox. */
  public static MessageCheck forNorms() {
    return new MessageCheck(NormsDecoder.TEMPLATE_ID, NormsDecoder.BLOCK_LENGTH);
  }

  /** Judges the message of {@code length} bytes at {@code offset}; allocates nothing. */
  public Verdict check(DirectBuffer buffer, int offset, int length, Header header) {
    if (length < MessageHeaderDecoder.ENCODED_LENGTH
        || (header.flags() & FrameDescriptor.UNFRAGMENTED) != FrameDescriptor.UNFRAGMENTED) {
      return Verdict.LENGTH;
    }
    messageHeader.wrap(buffer, offset);
    if (messageHeader.schemaId() != MessageHeaderDecoder.SCHEMA_ID) {
      return Verdict.SCHEMA;
    }
    if (messageHeader.version() != MessageHeaderDecoder.SCHEMA_VERSION) {
      return Verdict.VERSION;
    }
    int template = messageHeader.templateId();
    if (template != templateId) {
      return isKnown(template) ? Verdict.STAGE : Verdict.TEMPLATE;
    }
    if (messageHeader.blockLength() != blockLength
        || length != lengthExpected(buffer, offset, length)) {
      return Verdict.LENGTH;
    }
    if (templateId == NormsDecoder.TEMPLATE_ID) {
      return areNorms(buffer, offset, length) ? Verdict.ACCEPTED : Verdict.PAYLOAD;
    }
    return checkFrames(buffer, offset);
  }

  private int lengthExpected(DirectBuffer buffer, int offset, int length) {
    if (templateId != NormsDecoder.TEMPLATE_ID) {
      return MessageHeaderDecoder.ENCODED_LENGTH + blockLength;
    }
    if (length < NORMS_PREFIX_LENGTH) {
      return NORMS_PREFIX_LENGTH;
    }
    groupSize.wrap(buffer, offset + GROUP_OFFSET);
    return groupSize.blockLength() == GROUP_ENTRY_LENGTH
        ? NORMS_PREFIX_LENGTH + groupSize.numInGroup() * GROUP_ENTRY_LENGTH
        : -1;
  }

  /** Both kinds of frames have their fields in the same places. */
  private static Verdict checkFrames(DirectBuffer buffer, int offset) {
    int frames =
        Short.toUnsignedInt(
            buffer.getShort(offset + FRAME_COUNT_OFFSET, ByteFramesDecoder.BYTE_ORDER));
    if (frames < 1 || frames > Frames.RUN_FRAMES) {
      return Verdict.COUNT;
    }
    boolean areNumbers =
        areNumbers(buffer, offset + SEQUENCE_OFFSET, frames)
            && areNumbers(buffer, offset + PAYLOAD_NUMBER_OFFSET, frames);
    return areNumbers ? Verdict.ACCEPTED : Verdict.NUMBER;
  }

  /** Whether the first of so many numbers is not negative, nor the one after the last. */
  private static boolean areNumbers(DirectBuffer buffer, int firstOffset, int count) {
    long first = buffer.getLong(firstOffset, ByteFramesDecoder.BYTE_ORDER);
    return first >= 0 && first + count > 0;
  }

  private static boolean areNorms(DirectBuffer buffer, int offset, int length) {
    for (int entry = NORMS_PREFIX_LENGTH; entry < length; entry += GROUP_ENTRY_LENGTH) {
      long sequence =
          buffer.getLong(offset + entry + ANSWER_SEQUENCE_OFFSET, NormsDecoder.BYTE_ORDER);
      double norm = buffer.getDouble(offset + entry + ANSWER_NORM_OFFSET, NormsDecoder.BYTE_ORDER);
      if (sequence < 0 || !Double.isFinite(norm)) {
        return false;
      }
    }
    return true;
  }

  private static boolean isKnown(int template) {
    return template == ByteFramesDecoder.TEMPLATE_ID
        || template == FloatFramesDecoder.TEMPLATE_ID
        || template == NormsDecoder.TEMPLATE_ID;
  }
}
