package io.framepipeline.norm;

import io.aeron.logbuffer.BufferClaim;
import io.aeron.logbuffer.Header;
import io.framepipeline.common.frame.FrameSlots;
import io.framepipeline.common.frame.MessageCheck;
import io.framepipeline.common.frame.Verdict;
import io.framepipeline.common.frame.sbe.AckEncoder;
import io.framepipeline.common.frame.sbe.FloatFramesDecoder;
import io.framepipeline.common.frame.sbe.MessageHeaderDecoder;
import io.framepipeline.common.frame.sbe.MessageHeaderEncoder;
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
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.agrona.CloseHelper;
import org.agrona.DirectBuffer;
import org.agrona.concurrent.MessageHandler;

/** Computes each frame's norm, records it, and only then acknowledges the frame to its reader. */
final class NormSession implements StageSession, Inbox.Handler {
  private static final int POLL_FRAMES = 16;
  private static final int PRINTED_LIMIT = 16;

  private static final long HOUSEKEEPING_NANOS = TimeUnit.MILLISECONDS.toNanos(250);

  private final StageStats stats;
  private final Rejections rejections;
  private final FrameSources sources;
  private final NormPrinter printer;
  private final Inbox inbox;
  private final Outboxes readers;
  private final Doorbells doorbells;

  private final NormKernel kernel = new NormKernel();
  private final MessageCheck check = MessageCheck.forFloatFrames();
  private final FloatFramesDecoder frames = new FloatFramesDecoder();
  private final MessageHeaderEncoder messageHeader = new MessageHeaderEncoder();
  private final AckEncoder ack = new AckEncoder();
  private final BufferClaim claim = new BufferClaim();
  private final MessageHandler onPrinted = NormPrinter.adapt(this::onPrinted);
  private long nowNanos;
  private long nextHousekeepingNanos;
  private boolean isReady;
  private boolean isInboxDrained;

  /**
   * @param printer null if norms are not printed
   */
  NormSession(
      DriverConnection connection,
      Channels channels,
      FrameSources sources,
      NormPrinter printer,
      StageStats stats) {
    this.stats = stats;
    this.rejections = new Rejections(stats);
    this.sources = sources;
    this.printer = printer;
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
    if (printer != null) {
      work += printer.poll(onPrinted, PRINTED_LIMIT);
    }
    work += sendAcks(polled < POLL_FRAMES);
    if (nowNanos - nextHousekeepingNanos >= 0) {
      nextHousekeepingNanos = nowNanos + HOUSEKEEPING_NANOS;
      keepHouse();
    }
    return work + polled;
  }

  /**
   * Aborts the poll, to meet the same frames again, while their acknowledgements would have no
   * room, or their floats cannot be mapped.
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
    FrameSource source = sources.of(frames.sourceId(), frames.ackStreamId(), nowNanos);
    if (source == null) {
      return skip(Verdict.SOURCES, header);
    }
    int frameCount = frames.frameCount();
    FrameSlots floats = inbox.slots(header);
    if (floats == null || !hasRoom(source, frameCount)) {
      return ABORT;
    }
    if (norm(source, frameCount, floats, header.sessionId())) {
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
    if (!isInboxDrained && inbox.isDrained(nowNanos) && isEverythingAcknowledged()) {
      isInboxDrained = true;
      inbox.drained();
    }
    return isInboxDrained;
  }

  @Override
  public void close() {
    sources.onDisconnected();
    CloseHelper.closeAll(readers, inbox);
  }

  private int skip(Verdict verdict, Header header) {
    rejections.count(verdict, header.sessionId(), nowNanos);
    return 0;
  }

  private boolean hasRoom(FrameSource source, int frames) {
    return printer == null
        ? source.hasRoom(frames)
        : printer.hasRoom(frames) && source.hasRoom(printer.outstanding() + frames);
  }

  /** Records and acknowledges the frames of a run; returns whether none had to be skipped. */
  private boolean norm(FrameSource source, int frameCount, FrameSlots floats, int sessionId) {
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
      } else if (source.onFrame(sequence + i, frames.ackStreamId(), nowNanos)) {
        stats.framesDuplicate.incrementRelease();
        acknowledgeRepeat(source, sequence + i);
      } else {
        stats.norms.record(norm);
        acknowledge(source, sequence + i, norm);
        normed++;
      }
    }
    if (normed > 0) {
      stats.framesNormed.getAndAddRelease(normed);
      // The moment of the last one for all: none is acknowledged before.
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

  private void acknowledge(FrameSource source, long sequence, double norm) {
    if (printer == null) {
      source.acknowledge(sequence);
    } else {
      printer.print(frames.sourceId(), frames.ackStreamId(), sequence, norm);
    }
  }

  private void acknowledgeRepeat(FrameSource source, long sequence) {
    if (printer == null) {
      source.acknowledge(sequence);
    } else {
      printer.pass(frames.sourceId(), frames.ackStreamId(), sequence);
    }
  }

  private void onPrinted(int sourceId, int ackStreamId, long sequence) {
    FrameSource source = sources.of(sourceId, ackStreamId, nowNanos);
    if (source != null) {
      source.acknowledge(sequence);
    }
  }

  /** Sends those of a few polls together, unless this was the last frame for now. */
  private int sendAcks(boolean isLastFrame) {
    int sent = 0;
    List<FrameSource> all = sources.all();
    for (int i = 0, size = all.size(); i < size; i++) {
      FrameSource source = all.get(i);
      if (source.ackCount() >= (isLastFrame ? 1 : FrameSource.ACKS_PER_MESSAGE)) {
        sent += source.sendAcks(readers, claim, messageHeader, ack);
      }
    }
    if (sent > 0) {
      doorbells.onAcks();
    }
    return sent;
  }

  private void keepHouse() {
    List<FrameSource> all = sources.all();
    for (int i = 0, size = all.size(); i < size; i++) {
      all.get(i).checkPresence(readers, nowNanos);
    }
    sources.forget(nowNanos);
  }

  private boolean isEverythingAcknowledged() {
    List<FrameSource> all = sources.all();
    for (int i = 0, size = all.size(); i < size; i++) {
      if (all.get(i).ackCount() > 0) {
        return false;
      }
    }
    return printer == null || printer.outstanding() == 0;
  }
}
