package io.framepipeline.common.delivery;

import io.aeron.logbuffer.BufferClaim;
import io.framepipeline.common.topology.Stage;
import io.framepipeline.common.transport.Doorbells;
import io.framepipeline.common.transport.DriverConnection;
import io.framepipeline.common.transport.InboxWatch;
import io.framepipeline.common.transport.Outboxes;
import io.framepipeline.common.transport.Payloads;
import io.framepipeline.common.wire.sbe.MessageHeaderEncoder;
import io.framepipeline.common.wire.sbe.NormsEncoder;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.agrona.collections.Long2ObjectHashMap;

/** Sends answers to the readers' inboxes, those to each reader together. */
final class AnswerSender implements AutoCloseable {
  /** Readers at once: far more than there are; anybody can send frames of any source. */
  private static final int MAX_READERS = 1024;

  private static final long CLEAN_UP_INTERVAL_NANOS = TimeUnit.MILLISECONDS.toNanos(250);

  private final Outboxes readers;
  private final Doorbells doorbells;
  private final MessageHeaderEncoder messageHeader = new MessageHeaderEncoder();
  private final NormsEncoder message = new NormsEncoder();
  private final BufferClaim claim = new BufferClaim();

  /** By source and inbox: a reader that was evicted has a new one. */
  private final Long2ObjectHashMap<Answers> byReader = new Long2ObjectHashMap<>();

  /** The same, for a loop by index, which allocates nothing. */
  private final List<Answers> all = new ArrayList<>();

  private Answers latest;
  private long nowNanos;
  private long nextCleanUpNanos;

  AnswerSender(DriverConnection connection, String channel) {
    this.doorbells = connection.doorbells();
    this.nowNanos = connection.aeron().context().nanoClock().nanoTime();
    this.nextCleanUpNanos = nowNanos;
    // A reader that is lost takes its frames with it, so nothing listens here.
    this.readers =
        new Outboxes(
            connection, channel, Payloads.NONE, Stage.first(), new InboxWatch.Listener() {});
  }

  /** Follows the readers' inboxes; before batches are taken. */
  int doWork(long nowNanos) {
    this.nowNanos = nowNanos;
    if (nowNanos - nextCleanUpNanos >= 0) {
      nextCleanUpNanos = nowNanos + CLEAN_UP_INTERVAL_NANOS;
      dropThoseToGoneReaders();
    }
    return readers.doWork(nowNanos);
  }

  /** The answers to a reader, newly made if need be; null if there are too many readers. */
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
      answers = new Answers(sourceId, streamId, nowNanos);
      byReader.put(key, answers);
      all.add(answers);
    }
    latest = answers;
    return answers;
  }

  /** Whether a batch is to wait, since its reader is there and cannot be reached yet. */
  boolean isToWait(Answers answers) {
    return answers.isToWait(readers, nowNanos);
  }

  /** Whether the reader can be reached, or may be gone. */
  boolean hasWay(Answers answers) {
    return answers.hasWay(readers);
  }

  /**
   * Sends what waits, as far as there is room.
   *
   * @param isLast whether no more answers are to be expected for now
   * @return how many answers were sent
   */
  int send(boolean isLast) {
    int sent = 0;
    for (int i = 0, size = all.size(); i < size; i++) {
      sent += all.get(i).send(isLast, readers, claim, messageHeader, message, nowNanos);
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
      if (answers.isGone(readers, nowNanos)) {
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
