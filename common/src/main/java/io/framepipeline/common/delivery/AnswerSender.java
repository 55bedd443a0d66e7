package io.framepipeline.common.delivery;

import io.framepipeline.common.topology.Stage;
import io.framepipeline.common.transport.Doorbells;
import io.framepipeline.common.transport.DriverConnection;
import io.framepipeline.common.transport.InboxWatch;
import io.framepipeline.common.transport.Outboxes;
import io.framepipeline.common.transport.Payloads;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.agrona.collections.Long2ObjectHashMap;

/** Sends answers to the readers' inboxes. Answers to one reader share messages. */
final class AnswerSender implements AutoCloseable {
  /**
   * The most readers at once, far more than there are. The limit is needed because any client can
   * send frames with any {@code sourceId}.
   */
  private static final int MAX_READERS = 1024;

  private static final long CLEAN_UP_INTERVAL_NANOS = TimeUnit.MILLISECONDS.toNanos(250);

  private final Outboxes readers;
  private final Doorbells doorbells;

  /** By the reader's {@code sourceId} and inbox: a reader that was evicted opens a new inbox. */
  private final Long2ObjectHashMap<Answers> byReader = new Long2ObjectHashMap<>();

  /** The same answers, for a loop by index, which allocates nothing. */
  private final List<Answers> all = new ArrayList<>();

  private Answers latest;
  private long nowNanos;
  private long nextCleanUpNanos;

  AnswerSender(DriverConnection connection, String channel) {
    this.doorbells = connection.doorbells();
    this.nowNanos = connection.aeron().context().nanoClock().nanoTime();
    this.nextCleanUpNanos = nowNanos;
    // When a reader is gone, so are its frames: this listener has nothing to do.
    this.readers =
        new Outboxes(
            connection, channel, Payloads.NONE, Stage.first(), new InboxWatch.Listener() {});
  }

  /** Follows the readers' inboxes. Call this before batches are taken. */
  int doWork(long nowNanos) {
    this.nowNanos = nowNanos;
    if (nowNanos - nextCleanUpNanos >= 0) {
      nextCleanUpNanos = nowNanos + CLEAN_UP_INTERVAL_NANOS;
      dropThoseToGoneReaders();
    }
    return readers.doWork(nowNanos);
  }

  /** The answers to a reader, newly made if necessary; null if there are too many readers. */
  Answers to(int sourceId, int streamId) {
    if (latest != null && latest.sourceId() == sourceId && latest.streamId() == streamId) {
      return latest;
    }
    long key = key(sourceId, streamId);
    Answers answers = byReader.get(key);
    if (answers == null) {
      if (all.size() == MAX_READERS) {
        return null;
      }
      answers = new Answers(readers, sourceId, streamId, nowNanos);
      byReader.put(key, answers);
      all.add(answers);
    }
    latest = answers;
    return answers;
  }

  /**
   * Sends waiting answers, as far as there is room.
   *
   * @param isLast whether no more answers are expected for now
   * @return how many answers were sent
   */
  int send(boolean isLast) {
    int sent = 0;
    for (int i = 0, size = all.size(); i < size; i++) {
      sent += all.get(i).send(isLast, nowNanos);
    }
    if (sent > 0) {
      doorbells.wakeWantingAnswers();
    }
    return sent;
  }

  /** Whether no answer waits. */
  boolean isEmpty() {
    boolean isEmpty = true;
    for (int i = 0, size = all.size(); i < size && isEmpty; i++) {
      isEmpty = all.get(i).isEmpty();
    }
    return isEmpty;
  }

  @Override
  public void close() {
    readers.close();
  }

  private void dropThoseToGoneReaders() {
    for (int i = all.size() - 1; i >= 0; i--) {
      Answers answers = all.get(i);
      if (answers.isGone(nowNanos)) {
        all.remove(i);
        byReader.remove(key(answers.sourceId(), answers.streamId()));
        latest = null;
      }
    }
  }

  private static long key(int sourceId, int streamId) {
    return Integer.toUnsignedLong(sourceId) << Integer.SIZE | Integer.toUnsignedLong(streamId);
  }
}
