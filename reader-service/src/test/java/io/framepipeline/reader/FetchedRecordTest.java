package io.framepipeline.reader;

import static org.assertj.core.api.Assertions.assertThat;

import io.framepipeline.common.wire.Frames;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.Random;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.header.Header;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

class FetchedRecordTest {
  private static final int FRAME = Frames.BYTE_PAYLOAD_LENGTH;
  private static final long OFFSET = 40;
  private static final OffsetAndMetadata NEXT = new OffsetAndMetadata(43);

  private final KafkaPartition partition = new KafkaPartition(new TopicPartition("frames", 7));
  private final ByteBuffer buffer = ByteBuffer.allocate(4 * FRAME);

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3})
  void shouldTakeEachFrameOfARecord(int count) {
    byte[] value = bytes(count * FRAME);
    FetchedRecord record = record(value, PartialFrame.REFUSE);
    record.begin(100);

    assertThat(record.copyTo(buffer, 4)).isEqualTo(count);

    assertThat(copied()).isEqualTo(value);
    assertThat(record.isCopied()).isTrue();
    assertThat(record.isRejected()).isFalse();
    assertThat(record.isPadded()).isFalse();
    assertThat(record.firstSequence()).isEqualTo(100);
    assertThat(record.endSequence()).isEqualTo(100 + count);
    assertThat(record.copyTo(buffer, 4)).isZero();
  }

  @Test
  void shouldGoOnWhereTheRoomEnded() {
    byte[] value = bytes(3 * FRAME);
    FetchedRecord record = record(value, PartialFrame.REFUSE);
    record.begin(100);

    assertThat(record.copyTo(buffer, 2)).isEqualTo(2);
    assertThat(record.isCopied()).isFalse();
    assertThat(record.endSequence()).isEqualTo(102);
    assertThat(record.copyTo(buffer, 2)).isEqualTo(1);

    assertThat(record.isCopied()).isTrue();
    assertThat(record.endSequence()).isEqualTo(103);
    assertThat(copied()).isEqualTo(value);
  }

  @Test
  void shouldNameEachFrameByPartitionOffsetAndIndex() {
    FetchedRecord record = record(bytes(2 * FRAME), PartialFrame.REFUSE);
    record.begin(100);

    assertThat(record.key(100)).isEqualTo("7:40:0");
    assertThat(record.key(101)).isEqualTo("7:40:1");
  }

  /** After the last frame it is the consumer's: there may be offsets without records. */
  @Test
  void shouldSayWhereToReadOn() {
    FetchedRecord record = record(bytes(2 * FRAME), PartialFrame.REFUSE);
    record.begin(100);

    assertThat(record.position(100)).isEqualTo(new OffsetAndMetadata(OFFSET, "0"));
    assertThat(record.position(101)).isEqualTo(new OffsetAndMetadata(OFFSET, "1"));
    assertThat(record.position(102)).isEqualTo(NEXT);
  }

  @Test
  void shouldLeaveOutFramesThatWereCompletedBefore() {
    partition.place(OFFSET, 2);
    byte[] value = bytes(3 * FRAME);
    FetchedRecord record = record(value, PartialFrame.REFUSE);
    record.begin(100);

    assertThat(record.copyTo(buffer, 4)).isEqualTo(1);

    assertThat(copied()).isEqualTo(Arrays.copyOfRange(value, 2 * FRAME, 3 * FRAME));
    assertThat(record.key(100)).isEqualTo("7:40:2");
    assertThat(record.endSequence()).isEqualTo(101);
    assertThat(record.position(100)).isEqualTo(new OffsetAndMetadata(OFFSET, "2"));
    assertThat(record.position(101)).isEqualTo(NEXT);
  }

  @Test
  void shouldTakeAllFramesOfAnotherRecordThanTheOneReadInPart() {
    partition.place(OFFSET - 1, 2);
    FetchedRecord record = record(bytes(3 * FRAME), PartialFrame.REFUSE);

    assertThat(record.copyTo(buffer, 4)).isEqualTo(3);
  }

  /** Another tool may have moved the position. */
  @ParameterizedTest
  @CsvSource({"1, REFUSE, 4096", "9, REFUSE, 4096", "1, PAD, 100", "9, PAD, 4196"})
  void shouldTakeNoFrameOfARecordWhoseFramesWereAllCompleted(
      int framesToSkip, PartialFrame partialFrame, int length) {
    partition.place(OFFSET, framesToSkip);
    FetchedRecord record = record(bytes(length), partialFrame);
    record.begin(100);

    assertThat(record.isCopied()).isTrue();
    assertThat(record.copyTo(buffer, 4)).isZero();
    assertThat(record.position(100)).isEqualTo(NEXT);
  }

  @ParameterizedTest
  @ValueSource(ints = {1, FRAME - 1, FRAME + 1, 3 * FRAME - 1})
  void shouldFillUpTheLastFrameIfItIsToBePadded(int length) {
    byte[] value = bytes(length);
    FetchedRecord record = record(value, PartialFrame.PAD);
    int count = Math.ceilDiv(length, FRAME);
    Arrays.fill(buffer.array(), (byte) 1);

    assertThat(record.isPadded()).isTrue();
    assertThat(record.copyTo(buffer, 4)).isEqualTo(count);

    assertThat(copied()).isEqualTo(Arrays.copyOf(value, count * FRAME));
  }

  @Test
  void shouldPadTheLastFrameIfTheOthersWereCopiedBefore() {
    byte[] value = bytes(FRAME + 5);
    FetchedRecord record = record(value, PartialFrame.PAD);

    assertThat(record.copyTo(buffer, 1)).isEqualTo(1);
    assertThat(copied()).isEqualTo(Arrays.copyOf(value, FRAME));
    assertThat(record.copyTo(buffer, 1)).isEqualTo(1);
    assertThat(copied()).isEqualTo(Arrays.copyOf(value, 2 * FRAME));
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1, FRAME - 1, FRAME + 1})
  void shouldRejectARecordWithoutWholeFrames(int length) {
    byte[] value = bytes(length);
    FetchedRecord record = record(value, PartialFrame.REFUSE);
    record.begin(100);

    assertThat(record.isRejected()).isTrue();
    assertThat(record.isCopied()).isTrue();
    assertThat(record.copyTo(buffer, 4)).isZero();
    assertThat(record.endSequence()).isEqualTo(100);
    assertThat(record.position(100)).isEqualTo(NEXT);
    ProducerRecord<byte[], byte[]> rejection = record.rejection("frames-rejected", 10_000);
    assertThat(rejection.topic()).isEqualTo("frames-rejected");
    assertThat(rejection.value()).isEqualTo(value);
    assertThat(rejection.key()).isEqualTo(new byte[] {1, 2, 3});
    assertThat(headers(rejection))
        .containsOnly(
            Map.entry(
                "reason", "a value of " + length + " bytes, which is no multiple of 4096 but 0"),
            Map.entry("topic", "frames"),
            Map.entry("partition", "7"),
            Map.entry("offset", "40"));
  }

  @ParameterizedTest
  @EnumSource
  void shouldRejectARecordWithoutAValue(PartialFrame partialFrame) {
    FetchedRecord record = record(null, partialFrame);
    record.begin(100);

    assertThat(record.isRejected()).isTrue();
    assertThat(record.isCopied()).isTrue();
    assertThat(record.copyTo(buffer, 4)).isZero();
    ProducerRecord<byte[], byte[]> rejection = record.rejection("frames-rejected", 10);
    assertThat(rejection.value()).isNull();
    assertThat(headers(rejection)).containsEntry("reason", "no value");
  }

  /** A key may be as long as a value, and a record takes memory even without both. */
  @Test
  void shouldCountAllThatARejectedRecordKeeps() {
    int none = record(null, null, PartialFrame.REFUSE).heapLength();

    assertThat(none).isPositive();
    assertThat(record(new byte[1000], null, PartialFrame.REFUSE).heapLength())
        .isEqualTo(none + 1000);
    assertThat(record(new byte[1000], bytes(FRAME + 1), PartialFrame.REFUSE).heapLength())
        .isEqualTo(none + 1000 + FRAME + 1);
  }

  @Test
  void shouldRejectAnEmptyValueEvenIfItIsToBePadded() {
    assertThat(record(new byte[0], PartialFrame.PAD).isRejected()).isTrue();
  }

  /** The topic of rejected records may take less than the source's. */
  @Test
  void shouldCutWhatIsTooLargeToForward() {
    byte[] value = bytes(FRAME + 1);
    FetchedRecord record = record(value, PartialFrame.REFUSE);

    ProducerRecord<byte[], byte[]> cut = record.rejection("frames-rejected", 100);
    assertThat(cut.value()).isEqualTo(Arrays.copyOf(value, 100));
    assertThat(cut.key()).hasSize(3);
    assertThat(headers(cut)).containsEntry("offset", "40");

    ProducerRecord<byte[], byte[]> more = record.rejection("frames-rejected", 2);
    assertThat(more.value()).hasSize(2);
    assertThat(more.key()).as("longer than that").isNull();
  }

  @Test
  void shouldHaveNoOwnerOnceItsPartitionIsLost() {
    FetchedRecord record = record(bytes(FRAME), PartialFrame.REFUSE);
    assertThat(record.isOwned()).isTrue();

    partition.disown();

    assertThat(record.isOwned()).isFalse();
  }

  /** A value as Kafka's client hands it over: a part of the memory of a whole fetch. */
  static ByteBuffer fetched(byte[] value) {
    if (value == null) {
      return null;
    }
    int offset = 13;
    return ByteBuffer.allocate(offset + value.length + 5)
        .put(offset, value)
        .position(offset)
        .limit(offset + value.length);
  }

  private FetchedRecord record(byte[] value, PartialFrame partialFrame) {
    return record(new byte[] {1, 2, 3}, value, partialFrame);
  }

  private FetchedRecord record(byte[] key, byte[] value, PartialFrame partialFrame) {
    return new FetchedRecord(
        partition,
        new ConsumerRecord<>("frames", 7, OFFSET, key, fetched(value)),
        NEXT,
        partialFrame);
  }

  private byte[] copied() {
    return Arrays.copyOf(buffer.array(), buffer.position());
  }

  private static byte[] bytes(int length) {
    byte[] bytes = new byte[length];
    new Random(length).nextBytes(bytes);
    return bytes;
  }

  private static Map<String, String> headers(ProducerRecord<byte[], byte[]> record) {
    Map<String, String> headers = new HashMap<>();
    for (Header header : record.headers()) {
      headers.put(header.key(), new String(header.value(), StandardCharsets.UTF_8));
    }
    return headers;
  }
}
