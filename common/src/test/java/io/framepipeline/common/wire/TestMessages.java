package io.framepipeline.common.wire;

import io.aeron.logbuffer.FrameDescriptor;
import io.aeron.protocol.DataHeaderFlyweight;
import io.framepipeline.common.wire.sbe.FrameBatchEncoder;
import io.framepipeline.common.wire.sbe.MessageHeaderEncoder;
import io.framepipeline.common.wire.sbe.NormsEncoder;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import org.agrona.BitUtil;
import org.agrona.DirectBuffer;
import org.agrona.concurrent.UnsafeBuffer;

/** Messages as each stage sends them, and as none does. */
public final class TestMessages {
  /**
   * A message that no inbox may take.
   *
   * @param what is wrong with it
   * @param reason how it is counted
   * @param message the whole of it
   */
  public record Malformed(String what, RejectReason reason, DirectBuffer message) {
    @Override
    public String toString() {
      return what;
    }
  }

  /** Bytes of a batch's message in a log. */
  public static final int LOG_LENGTH =
      BitUtil.align(
          DataHeaderFlyweight.HEADER_LENGTH + Frames.MESSAGE_LENGTH,
          FrameDescriptor.FRAME_ALIGNMENT);

  /** The number of a payload that nobody has written. */
  private static final long NO_PAYLOAD = Long.MAX_VALUE / 2;

  private static final int BLOCK_LENGTH_OFFSET = 0;
  private static final int TEMPLATE_OFFSET = 2;
  private static final int SCHEMA_OFFSET = 4;
  private static final int VERSION_OFFSET = 6;

  private TestMessages() {}

  /** A byte frame's message and, behind it, its payload. */
  public static DirectBuffer byteFrame(
      long sequence, long originNanos, int sourceId, int answerStreamId, byte[] payload) {
    UnsafeBuffer message =
        new UnsafeBuffer(new byte[Frames.MESSAGE_LENGTH + Frames.BYTE_PAYLOAD_LENGTH]);
    new FrameBatchEncoder()
        .wrapAndApplyHeader(message, 0, new MessageHeaderEncoder())
        .sequence(sequence)
        .originNanos(originNanos)
        .payloadNumber(NO_PAYLOAD)
        .sourceId(sourceId)
        .answerStreamId(answerStreamId)
        .payloadLength(Frames.BYTE_PAYLOAD_LENGTH)
        .frameCount(1);
    message.putBytes(Frames.MESSAGE_LENGTH, payload);
    return message;
  }

  /** A float frame's message and, behind it, its payload, whose elements are all the same. */
  public static DirectBuffer floatFrame(
      long sequence, long originNanos, int sourceId, int answerStreamId, float element) {
    UnsafeBuffer message =
        new UnsafeBuffer(new byte[Frames.MESSAGE_LENGTH + Frames.FLOAT_PAYLOAD_LENGTH]);
    new FrameBatchEncoder()
        .wrapAndApplyHeader(message, 0, new MessageHeaderEncoder())
        .sequence(sequence)
        .originNanos(originNanos)
        .payloadNumber(NO_PAYLOAD)
        .sourceId(sourceId)
        .answerStreamId(answerStreamId)
        .payloadLength(Frames.FLOAT_PAYLOAD_LENGTH)
        .frameCount(1);
    for (int i = 0; i < Frames.ELEMENTS; i++) {
      message.putFloat(Frames.MESSAGE_LENGTH + i * Float.BYTES, element, ByteOrder.LITTLE_ENDIAN);
    }
    return message;
  }

  /** The payload of a message that was made here, or of another that looks like it; or null. */
  public static DirectBuffer payloadOf(DirectBuffer message) {
    int length = message.capacity() - Frames.MESSAGE_LENGTH;
    return length == Frames.BYTE_PAYLOAD_LENGTH || length == Frames.FLOAT_PAYLOAD_LENGTH
        ? new UnsafeBuffer(message, Frames.MESSAGE_LENGTH, length)
        : null;
  }

  /** The message alone, as it is in a log. */
  public static DirectBuffer withoutPayload(DirectBuffer message) {
    return payloadOf(message) == null ? message : copy(message, Frames.MESSAGE_LENGTH);
  }

  /** Answers that say of each frame what {@link #norm} says. */
  public static DirectBuffer norms(int sourceId, long... sequences) {
    int entryLength = NormsEncoder.AnswersEncoder.sbeBlockLength();
    UnsafeBuffer message = new UnsafeBuffer(new byte[16 + sequences.length * entryLength]);
    NormsEncoder.AnswersEncoder answers =
        new NormsEncoder()
            .wrapAndApplyHeader(message, 0, new MessageHeaderEncoder())
            .sourceId(sourceId)
            .answersCount(sequences.length);
    for (long sequence : sequences) {
      answers.next().sequence(sequence).norm(norm(sequence));
    }
    return message;
  }

  /** A norm for a frame, another one for each. */
  public static double norm(long sequence) {
    return 1 + 1.0 / (3 + sequence);
  }

  /**
   * Every kind of malformed message.
   *
   * @param goodFrame a message that the inbox would take, a frame or norms
   * @param otherStage a message that another stage's inbox would take
   */
  public static List<Malformed> malformed(DirectBuffer goodFrame, DirectBuffer otherStage) {
    DirectBuffer good = withoutPayload(goodFrame);
    int length = good.capacity();
    byte[] random = new byte[length];
    new Random(1).nextBytes(random);
    List<Malformed> malformed = new ArrayList<>();
    if (payloadOf(goodFrame) != null) {
      malformed.add(new Malformed("no frames", RejectReason.COUNT, withFrameCount(good, 0)));
      malformed.add(
          new Malformed("a frame too many", RejectReason.COUNT, withFrameCount(good, 17)));
      malformed.add(
          new Malformed("a negative sequence", RejectReason.NUMBER, withSequence(good, -1)));
      malformed.add(
          new Malformed(
              "the number of no payload", RejectReason.NUMBER, withPayloadNumber(good, -1)));
    }
    Collections.addAll(
        malformed,
        new Malformed("empty", RejectReason.LENGTH, copy(good, 0)),
        new Malformed("shorter than a message header", RejectReason.LENGTH, copy(good, 7)),
        new Malformed("a message header alone", RejectReason.LENGTH, copy(good, 8)),
        new Malformed("cut short", RejectReason.LENGTH, copy(good, length - 1)),
        new Malformed("too long", RejectReason.LENGTH, copy(good, length + 1)),
        new Malformed("another block length", RejectReason.LENGTH, with(good, BLOCK_LENGTH_OFFSET)),
        new Malformed("another schema", RejectReason.SCHEMA, with(good, SCHEMA_OFFSET)),
        new Malformed("another version", RejectReason.VERSION, with(good, VERSION_OFFSET)),
        new Malformed("an unknown template", RejectReason.TEMPLATE, with(good, TEMPLATE_OFFSET)),
        new Malformed("another stage's message", RejectReason.STAGE, withoutPayload(otherStage)),
        new Malformed("random bytes", RejectReason.SCHEMA, new UnsafeBuffer(random)));
    return malformed;
  }

  /** As much of the message as there is, then zeros. */
  private static UnsafeBuffer copy(DirectBuffer message, int length) {
    byte[] bytes = new byte[length];
    message.getBytes(0, bytes, 0, Math.min(length, message.capacity()));
    return new UnsafeBuffer(bytes);
  }

  private static UnsafeBuffer withFrameCount(DirectBuffer message, int frameCount) {
    UnsafeBuffer changed = copy(message, message.capacity());
    fields(changed).frameCount(frameCount);
    return changed;
  }

  private static UnsafeBuffer withSequence(DirectBuffer message, long sequence) {
    UnsafeBuffer changed = copy(message, message.capacity());
    fields(changed).sequence(sequence);
    return changed;
  }

  private static UnsafeBuffer withPayloadNumber(DirectBuffer message, long number) {
    UnsafeBuffer changed = copy(message, message.capacity());
    fields(changed).payloadNumber(number);
    return changed;
  }

  private static FrameBatchEncoder fields(UnsafeBuffer message) {
    return new FrameBatchEncoder().wrap(message, MessageHeaderEncoder.ENCODED_LENGTH);
  }

  /** The message with one field of its header changed to what nobody uses. */
  private static UnsafeBuffer with(DirectBuffer message, int offset) {
    UnsafeBuffer changed = copy(message, message.capacity());
    changed.putShort(offset, (short) 77, ByteOrder.LITTLE_ENDIAN);
    return changed;
  }
}
