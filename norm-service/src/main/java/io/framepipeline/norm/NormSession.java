package io.framepipeline.norm;

import io.aeron.logbuffer.BufferClaim;
import io.aeron.logbuffer.ControlledFragmentHandler;
import io.aeron.logbuffer.Header;
import io.framepipeline.common.frame.FrameSlots;
import io.framepipeline.common.frame.MessageCheck;
import io.framepipeline.common.frame.Verdict;
import io.framepipeline.common.frame.sbe.AckEncoder;
import io.framepipeline.common.frame.sbe.FloatFrameDecoder;
import io.framepipeline.common.frame.sbe.MessageHeaderDecoder;
import io.framepipeline.common.frame.sbe.MessageHeaderEncoder;
import io.framepipeline.common.metrics.Rejections;
import io.framepipeline.common.metrics.StageStats;
import io.framepipeline.common.service.StageSession;
import io.framepipeline.common.transport.Channels;
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
final class NormSession implements StageSession, ControlledFragmentHandler {
  private static final int POLL_LIMIT = 16;

  private static final long HOUSEKEEPING_NANOS = TimeUnit.MILLISECONDS.toNanos(250);

  private final StageStats stats;
  private final Rejections rejections;
  private final FrameSources sources;
  private final NormPrinter printer;
  private final Inbox inbox;
  private final Outboxes readers;

  private final NormKernel kernel = new NormKernel();
  private final MessageCheck check = MessageCheck.forFloatFrames();
  private final FloatFrameDecoder frame = new FloatFrameDecoder();
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
    int polled = inbox.poll(this, POLL_LIMIT, nowNanos);
    if (!isReady && inbox.isOpen()) {
      isReady = true;
      stats.ready.setRelease(1);
    }
    if (polled > 0) {
      stats.lastProgressEpochMillis.setRelease(System.currentTimeMillis());
    }
    if (printer != null) {
      work += printer.poll(onPrinted, POLL_LIMIT);
    }
    work += sendAcks(polled < POLL_LIMIT);
    if (nowNanos - nextHousekeepingNanos >= 0) {
      nextHousekeepingNanos = nowNanos + HOUSEKEEPING_NANOS;
      keepHouse();
    }
    return work + polled;
  }

  /**
   * Aborts the poll, to meet the same frame again, while its acknowledgement would have no room.
   */
  @Override
  public Action onFragment(DirectBuffer buffer, int offset, int length, Header header) {
    Verdict verdict = check.check(buffer, offset, length, header);
    if (verdict != Verdict.ACCEPTED) {
      return skip(verdict, header);
    }
    frame.wrap(
        buffer,
        offset + MessageHeaderDecoder.ENCODED_LENGTH,
        FloatFrameDecoder.BLOCK_LENGTH,
        FloatFrameDecoder.SCHEMA_VERSION);
    FrameSource source = sources.of(frame.sourceId(), frame.ackStreamId(), nowNanos);
    if (source == null) {
      return skip(Verdict.SOURCES, header);
    }
    if (!hasRoom(source)) {
      return Action.ABORT;
    }
    FrameSlots floats = inbox.slots(header);
    long number = Inbox.number(header);
    double norm = kernel.apply(floats.buffer(), floats.offset(number));
    if (!floats.isStill(number)) {
      return skip(Verdict.GONE, header);
    }
    if (!Double.isFinite(norm)) {
      return skip(Verdict.PAYLOAD, header);
    }
    stats.messages(verdict).incrementRelease();
    if (source.onFrame(frame.sequence(), frame.ackStreamId(), nowNanos)) {
      stats.framesDuplicate.incrementRelease();
      acknowledgeRepeat(source);
    } else {
      record(norm);
      acknowledge(source, norm);
    }
    return Action.CONTINUE;
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

  private Action skip(Verdict verdict, Header header) {
    rejections.count(verdict, header.sessionId(), nowNanos);
    return Action.CONTINUE;
  }

  private boolean hasRoom(FrameSource source) {
    return printer == null
        ? source.hasRoom(0)
        : printer.hasRoom() && source.hasRoom(printer.outstanding());
  }

  private void record(double norm) {
    stats.framesNormed.incrementRelease();
    stats.norms.record(norm);
    stats.latencyNanos.record((double) Math.max(1, System.nanoTime() - frame.originNanos()));
  }

  private void acknowledge(FrameSource source, double norm) {
    if (printer == null) {
      source.acknowledge(frame.sequence());
    } else {
      printer.print(frame.sourceId(), frame.ackStreamId(), frame.sequence(), norm);
    }
  }

  private void acknowledgeRepeat(FrameSource source) {
    if (printer == null) {
      source.acknowledge(frame.sequence());
    } else {
      printer.pass(frame.sourceId(), frame.ackStreamId(), frame.sequence());
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
      readers.ring();
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
