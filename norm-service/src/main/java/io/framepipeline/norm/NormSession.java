package io.framepipeline.norm;

import io.aeron.logbuffer.BufferClaim;
import io.aeron.logbuffer.Header;
import io.framepipeline.common.frame.FrameSlots;
import io.framepipeline.common.frame.MessageCheck;
import io.framepipeline.common.frame.Verdict;
import io.framepipeline.common.frame.sbe.FloatFramesDecoder;
import io.framepipeline.common.frame.sbe.MessageHeaderDecoder;
import io.framepipeline.common.frame.sbe.MessageHeaderEncoder;
import io.framepipeline.common.frame.sbe.NormsEncoder;
import io.framepipeline.common.metrics.Rejections;
import io.framepipeline.common.metrics.StageStats;
import io.framepipeline.common.service.StageSession;
import io.framepipeline.common.transport.Channels;
import io.framepipeline.common.transport.Doorbells;
import io.framepipeline.common.transport.DriverConnection;
import io.framepipeline.common.transport.Inbox;
import io.framepipeline.common.transport.InboxWatch;
import io.framepipeline.common.transport.Outboxes;
import io.framepipeline.common.transport.Payloads;
import io.framepipeline.common.transport.Stage;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.agrona.CloseHelper;
import org.agrona.DirectBuffer;
import org.agrona.collections.Long2ObjectHashMap;

/** Computes each frame's norm, records it, and answers the frame's reader. Keeps nothing else. */
final class NormSession implements StageSession, Inbox.Handler {
  private static final int POLL_FRAMES = 16;

  /** Readers at once: far more than there are; anybody can send frames of any source. */
  private static final int MAX_READERS = 1024;

  private static final long HOUSEKEEPING_NANOS = TimeUnit.MILLISECONDS.toNanos(250);

  private final StageStats stats;
  private final Rejections rejections;
  private final Inbox inbox;
  private final Outboxes readers;
  private final Doorbells doorbells;

  private final NormKernel kernel = new NormKernel();
  private final MessageCheck check = MessageCheck.forFloatFrames();
  private final FloatFramesDecoder frames = new FloatFramesDecoder();
  private final MessageHeaderEncoder messageHeader = new MessageHeaderEncoder();
  private final NormsEncoder message = new NormsEncoder();
  private final BufferClaim claim = new BufferClaim();

  /** By source and inbox: a reader that was evicted has a new one. */
  private final Long2ObjectHashMap<Answers> byReader = new Long2ObjectHashMap<>();

  /** The same, for a loop by index, which allocates nothing. */
  private final List<Answers> allAnswers = new ArrayList<>();

  private Answers latest;
  private long nowNanos;
  private long nextHousekeepingNanos;
  private boolean isReady;
  private boolean isInboxDrained;

  NormSession(DriverConnection connection, Channels channels, StageStats stats) {
    this.stats = stats;
    this.rejections = new Rejections(stats);
    this.doorbells = connection.doorbells();
    this.nextHousekeepingNanos = connection.aeron().context().nanoClock().nanoTime();
    // A reader that is lost takes its frames with it, so nothing listens here.
    this.readers =
        new Outboxes(
            connection, channels.acks(), Payloads.NONE, Stage.READER, new InboxWatch.Listener() {});
    int instanceId = (int) ProcessHandle.current().pid();
    this.inbox = Inbox.open(connection, channels.frames(), Stage.NORM, instanceId);
  }

  @Override
  public int doWork(long nowNanos) {
    this.nowNanos = nowNanos;
    int work = readers.doWork(nowNanos);
    int polled = inbox.poll(this, POLL_FRAMES, nowNanos);
    if (!isReady && inbox.isOpen()) {
      isReady = true;
      stats.ready.setRelease(1);
    }
    if (polled > 0) {
      stats.lastProgressEpochMillis.setRelease(System.currentTimeMillis());
    }
    work += sendAnswers(polled < POLL_FRAMES);
    if (nowNanos - nextHousekeepingNanos >= 0) {
      nextHousekeepingNanos = nowNanos + HOUSEKEEPING_NANOS;
      keepHouse();
    }
    return work + polled;
  }

  /**
   * Aborts the poll, to meet the same frames again, while their answers would have no room, or not
   * yet a way, or their floats cannot be mapped.
   */
  @Override
  public int onMessage(DirectBuffer buffer, int offset, int length, Header header) {
    Verdict verdict = check.check(buffer, offset, length, header);
    if (verdict != Verdict.ACCEPTED) {
      return skip(verdict, header);
    }
    frames.wrap(
        buffer,
        offset + MessageHeaderDecoder.ENCODED_LENGTH,
        FloatFramesDecoder.BLOCK_LENGTH,
        FloatFramesDecoder.SCHEMA_VERSION);
    Answers answers = answersTo(frames.sourceId(), frames.answerStreamId());
    if (answers == null) {
      return skip(Verdict.SOURCES, header);
    }
    int frameCount = frames.frameCount();
    FrameSlots floats = inbox.slots(header);
    if (floats == null || !answers.hasRoom(frameCount) || answers.isToWait(readers, nowNanos)) {
      return ABORT;
    }
    if (!answers.hasWay(readers)) {
      return skip(Verdict.SOURCES, header);
    }
    if (norm(answers, frameCount, floats, header.sessionId())) {
      stats.messages(Verdict.ACCEPTED).incrementRelease();
    }
    return frameCount;
  }

  @Override
  public void announceStop() {
    inbox.announceStop();
  }

  @Override
  public void leave(long nowNanos) {
    inbox.leave(nowNanos);
  }

  @Override
  public boolean isDone(long nowNanos) {
    if (!isInboxDrained && inbox.isDrained(nowNanos) && isEverythingAnswered()) {
      isInboxDrained = true;
      inbox.drained();
    }
    return isInboxDrained;
  }

  @Override
  public void close() {
    CloseHelper.closeAll(readers, inbox);
  }

  private int skip(Verdict verdict, Header header) {
    rejections.count(verdict, header.sessionId(), nowNanos);
    return 0;
  }

  /** Those of this reader, newly made if need be; null if there are too many readers. */
  private Answers answersTo(int sourceId, int streamId) {
    if (latest != null && latest.sourceId() == sourceId && latest.streamId() == streamId) {
      return latest;
    }
    long key = key(sourceId, streamId);
    Answers answers = byReader.get(key);
    if (answers == null) {
      if (allAnswers.size() == MAX_READERS) {
        return null;
      }
      answers = new Answers(sourceId, streamId, nowNanos);
      byReader.put(key, answers);
      allAnswers.add(answers);
    }
    latest = answers;
    return answers;
  }

  /** Records and answers the frames of a run; returns whether none had to be skipped. */
  private boolean norm(Answers answers, int frameCount, FrameSlots floats, int sessionId) {
    long sequence = frames.sequence();
    long number = frames.payloadNumber();
    int normed = 0;
    int gone = 0;
    int unusable = 0;
    for (int i = 0; i < frameCount; i++) {
      double norm = kernel.apply(floats.buffer(), floats.offset(number + i));
      if (!floats.isStill(number + i)) {
        gone++;
      } else if (!Double.isFinite(norm)) {
        unusable++;
      } else {
        stats.norms.record(norm);
        answers.add(sequence + i, norm, nowNanos);
        normed++;
      }
    }
    if (normed > 0) {
      stats.framesNormed.getAndAddRelease(normed);
      // The moment of the last one for all: none is answered before.
      double latencyNanos = (double) Math.max(1, System.nanoTime() - frames.originNanos());
      stats.latencyNanos.record(latencyNanos, normed);
    }
    if (gone > 0) {
      rejections.count(Verdict.GONE, sessionId, nowNanos);
    }
    if (unusable > 0) {
      rejections.count(Verdict.PAYLOAD, sessionId, nowNanos);
    }
    return gone + unusable == 0;
  }

  /** Sends those of a few polls together, unless this was the last frame for now. */
  private int sendAnswers(boolean isLastFrame) {
    int sent = 0;
    for (int i = 0, size = allAnswers.size(); i < size; i++) {
      sent += allAnswers.get(i).send(isLastFrame, readers, claim, messageHeader, message, nowNanos);
    }
    if (sent > 0) {
      doorbells.onAcks();
    }
    return sent;
  }

  /** Drops what is for readers that are gone. */
  private void keepHouse() {
    for (int i = allAnswers.size() - 1; i >= 0; i--) {
      Answers answers = allAnswers.get(i);
      if (answers.isGone(readers, nowNanos)) {
        allAnswers.remove(i);
        byReader.remove(key(answers.sourceId(), answers.streamId()));
        latest = null;
      }
    }
  }

  private static long key(int sourceId, int streamId) {
    return Integer.toUnsignedLong(sourceId) << Integer.SIZE | Integer.toUnsignedLong(streamId);
  }

  private boolean isEverythingAnswered() {
    boolean isAnswered = true;
    for (int i = 0, size = allAnswers.size(); i < size && isAnswered; i++) {
      isAnswered = allAnswers.get(i).isEmpty();
    }
    return isAnswered;
  }
}
