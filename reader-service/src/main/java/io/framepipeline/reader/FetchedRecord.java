package io.framepipeline.reader;

import io.framepipeline.common.wire.Frames;
import java.nio.ByteBuffer;
import java.util.Arrays;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.utils.Utils;

/** A record of a Kafka source, from its fetch until its position is committed. */
final class FetchedRecord {
  /** Roughly what a record takes besides its key and value, with the headers of its rejection. */
  private static final int OBJECTS_LENGTH = 512;

  private final KafkaPartition partition;
  private final long offset;
  private final OffsetAndMetadata next;
  private final int frameCount;
  private final boolean isPadded;

  /** Only for a record that is rejected. */
  private final byte[] key;

  /** Only for a record that is rejected, and null if it has no value. */
  private final byte[] rejectedValue;

  /**
   * A part of the memory of a whole fetch. Null once it is copied, since many records wait for
   * their norms.
   */
  private ByteBuffer value;

  /** The first frame that was not completed at the fetch, counted within the record. */
  private final int firstFrame;

  private long firstSequence;
  private int copiedFrames;

  /**
   * @param next the position after the record
   */
  FetchedRecord(
      KafkaPartition partition,
      ConsumerRecord<byte[], ByteBuffer> consumed,
      OffsetAndMetadata next,
      PartialFrame partialFrame) {
    this.partition = partition;
    this.offset = consumed.offset();
    this.next = next;
    int length = consumed.value() == null ? 0 : consumed.value().remaining();
    this.frameCount = frameCount(length, partialFrame);
    this.isPadded = frameCount * Frames.BYTE_PAYLOAD_LENGTH > length;
    this.value = isRejected() ? null : consumed.value();
    this.key = isRejected() ? consumed.key() : null;
    this.rejectedValue =
        isRejected() && consumed.value() != null ? Utils.toArray(consumed.value()) : null;
    this.firstFrame = Math.min(frameCount, partition.framesToSkip(offset));
    this.copiedFrames = firstFrame;
  }

  private static int frameCount(int length, PartialFrame partialFrame) {
    boolean isWhole = length % Frames.BYTE_PAYLOAD_LENGTH == 0;
    return isWhole || partialFrame == PartialFrame.PAD
        ? Math.ceilDiv(length, Frames.BYTE_PAYLOAD_LENGTH)
        : 0;
  }

  boolean isOwned() {
    return partition.isOwned();
  }

  KafkaPartition partition() {
    return partition;
  }

  /** Whether the record holds no whole frames. */
  boolean isRejected() {
    return frameCount == 0;
  }

  boolean isCopied() {
    return copiedFrames == frameCount;
  }

  /** Whether the record's end is filled up with zero bytes. */
  boolean isPadded() {
    return isPadded;
  }

  /** Says which sequence the record's first frame gets that is not completed. */
  void begin(long sequence) {
    firstSequence = sequence;
  }

  /** Copies frames, as many as are left and wanted. */
  int copyTo(ByteBuffer buffer, int limit) {
    int count = Math.min(limit, frameCount - copiedFrames);
    if (count == 0) {
      return 0;
    }
    int start = copiedFrames * Frames.BYTE_PAYLOAD_LENGTH;
    int end = start + count * Frames.BYTE_PAYLOAD_LENGTH;
    int length = Math.min(end, value.remaining()) - start;
    buffer.put(value.slice(value.position() + start, length));
    for (int i = start + length; i < end; i++) {
      buffer.put((byte) 0);
    }
    copiedFrames += count;
    if (isCopied()) {
      value = null;
    }
    return count;
  }

  /** The sequence of the first frame that was not completed when the record was fetched. */
  long firstSequence() {
    return firstSequence;
  }

  /** The sequence after that of the last frame copied. */
  long endSequence() {
    return firstSequence + copiedFrames - firstFrame;
  }

  /** The key of a frame's result. */
  String key(long sequence) {
    return partition.name.partition()
        + ":"
        + offset
        + ":"
        + (firstFrame + sequence - firstSequence);
  }

  /** Where to read on once the frames before this sequence are completed. */
  OffsetAndMetadata position(long sequence) {
    int frames = (int) (firstFrame + sequence - firstSequence);
    return frames == frameCount ? next : KafkaAssignment.inside(offset, frames);
  }

  /**
   * What goes to the topic of rejected records.
   *
   * @param maxLength the most bytes to keep of the value; none are kept of a key as long as that
   */
  ProducerRecord<byte[], byte[]> rejection(String topic, int maxLength) {
    int length = length(rejectedValue);
    ProducerRecord<byte[], byte[]> rejection =
        new ProducerRecord<>(
            topic,
            key == null || key.length > maxLength ? null : key,
            length <= maxLength ? rejectedValue : Arrays.copyOf(rejectedValue, maxLength));
    header(
        rejection,
        "reason",
        rejectedValue == null
            ? "no value"
            : "a value of %s bytes, which is no multiple of %s but 0"
                .formatted(length, Frames.BYTE_PAYLOAD_LENGTH));
    header(rejection, "topic", partition.name.topic());
    header(rejection, "partition", Integer.toString(partition.name.partition()));
    header(rejection, "offset", Long.toString(offset));
    return rejection;
  }

  /** Roughly the bytes that the record keeps on the heap. */
  int heapLength() {
    return OBJECTS_LENGTH + length(key) + length(rejectedValue);
  }

  private static int length(byte[] bytes) {
    return bytes == null ? 0 : bytes.length;
  }

  private static void header(ProducerRecord<byte[], byte[]> rejection, String name, String text) {
    rejection.headers().add(name, KafkaOutput.bytes(text));
  }
}
