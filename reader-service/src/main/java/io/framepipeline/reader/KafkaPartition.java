package io.framepipeline.reader;

import org.apache.kafka.common.TopicPartition;

/**
 * A partition while this reader owns it. If the reader loses the partition and gets it again, that
 * is another object: what was fetched before is not this reader's any more.
 */
final class KafkaPartition {
  final TopicPartition name;
  private boolean isOwned = true;
  private boolean isPlaced;

  /** The record that was read in part when the position was committed, and how many frames. */
  private long startOffset;

  private int framesToSkip;

  KafkaPartition(TopicPartition name) {
    this.name = name;
  }

  boolean isOwned() {
    return isOwned;
  }

  /** Notes that another reader has the partition from now on. */
  void disown() {
    isOwned = false;
  }

  /** Whether reading goes on at the committed position. Before that, nothing is fetched. */
  boolean isPlaced() {
    return isPlaced;
  }

  /**
   * Notes that reading goes on at a committed position.
   *
   * @param framesToSkip of the record at that offset
   */
  void place(long offset, int framesToSkip) {
    isPlaced = true;
    startOffset = offset;
    this.framesToSkip = framesToSkip;
  }

  /** How many frames of the record at this offset were completed before. */
  int framesToSkip(long offset) {
    return offset == startOffset ? framesToSkip : 0;
  }
}
