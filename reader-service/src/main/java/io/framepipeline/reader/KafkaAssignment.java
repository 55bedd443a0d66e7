package io.framepipeline.reader;

import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerRebalanceListener;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.TimeoutException;

/**
 * The partitions that the consumer group has given to this reader. For the thread that owns the
 * consumer, which calls the listener inside {@code poll}.
 *
 * <p>A position is an offset, the first one that is not completed. Its metadata is how many frames
 * of the record there are completed.
 */
final class KafkaAssignment implements ConsumerRebalanceListener {
  private static final Pattern FRAMES = Pattern.compile("\\d{1,9}");
  private static final Duration ANSWER_TIMEOUT = Duration.ofMillis(500);

  private final Consumer<byte[], ByteBuffer> consumer;
  private final Runnable beforeRevocation;
  private final Map<TopicPartition, KafkaPartition> owned = new HashMap<>();
  private boolean isPaused;

  /**
   * @param beforeRevocation commits what is done, while this reader still may
   */
  KafkaAssignment(Consumer<byte[], ByteBuffer> consumer, Runnable beforeRevocation) {
    this.consumer = consumer;
    this.beforeRevocation = beforeRevocation;
  }

  @Override
  public void onPartitionsAssigned(Collection<TopicPartition> partitions) {
    for (TopicPartition name : partitions) {
      owned.put(name, new KafkaPartition(name));
      // Any position will do until the committed one is known; without one, the poll would fail.
      consumer.seek(name, 0);
    }
    consumer.pause(partitions);
  }

  @Override
  public void onPartitionsRevoked(Collection<TopicPartition> partitions) {
    beforeRevocation.run();
    partitions.forEach(this::disown);
  }

  @Override
  public void onPartitionsLost(Collection<TopicPartition> partitions) {
    partitions.forEach(this::disown);
  }

  /** The partition of this name; null if this reader does not own it. */
  KafkaPartition owned(TopicPartition name) {
    return owned.get(name);
  }

  /** How many partitions this reader owns. */
  int size() {
    return owned.size();
  }

  /** How many records the owned partitions have that were not fetched yet, as far as is known. */
  long lag() {
    return owned.keySet().stream().mapToLong(name -> consumer.currentLag(name).orElse(0)).sum();
  }

  /** Fetches nothing until {@link #resume}. The reader stays a member of the group. */
  void pause() {
    if (!isPaused) {
      isPaused = true;
      consumer.pause(owned.keySet());
    }
  }

  /** Fetches again. */
  void resume() {
    if (isPaused) {
      isPaused = false;
      consumer.resume(placed());
    }
  }

  /**
   * Has new partitions read from their committed positions on, or from their first records. A dead
   * owner's open transaction may delay the answer, so this asks again and again.
   */
  void place() {
    Set<TopicPartition> names =
        owned.values().stream()
            .filter(partition -> !partition.isPlaced())
            .map(partition -> partition.name)
            .collect(Collectors.toSet());
    if (names.isEmpty()) {
      return;
    }
    try {
      consumer.committed(names, ANSWER_TIMEOUT).forEach(this::place);
    } catch (TimeoutException e) {
      return;
    }
    if (!isPaused) {
      consumer.resume(names);
    }
  }

  /** The position inside a record of which this many frames are completed. */
  static OffsetAndMetadata inside(long offset, int frames) {
    return new OffsetAndMetadata(offset, Integer.toString(frames));
  }

  private void place(TopicPartition name, OffsetAndMetadata position) {
    if (position == null) {
      consumer.seekToBeginning(List.of(name));
      owned.get(name).place(0, 0);
    } else {
      consumer.seek(name, position);
      String frames = position.metadata();
      // Other tools move positions, too, and may put anything there.
      owned
          .get(name)
          .place(
              position.offset(), FRAMES.matcher(frames).matches() ? Integer.parseInt(frames) : 0);
    }
  }

  private Set<TopicPartition> placed() {
    return owned.values().stream()
        .filter(KafkaPartition::isPlaced)
        .map(partition -> partition.name)
        .collect(Collectors.toSet());
  }

  private void disown(TopicPartition name) {
    KafkaPartition partition = owned.remove(name);
    if (partition != null) {
      partition.disown();
    }
  }
}
