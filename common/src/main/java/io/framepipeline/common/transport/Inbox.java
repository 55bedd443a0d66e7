package io.framepipeline.common.transport;

import io.aeron.Aeron;
import io.aeron.Counter;
import io.aeron.Subscription;
import io.aeron.exceptions.AeronException;
import io.aeron.logbuffer.ControlledFragmentHandler;
import io.aeron.logbuffer.ControlledFragmentHandler.Action;
import io.aeron.logbuffer.Header;
import io.framepipeline.common.config.ExitCode;
import io.framepipeline.common.config.ExitException;
import io.framepipeline.common.topology.Stage;
import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.agrona.CloseHelper;
import org.agrona.DirectBuffer;

/**
 * Where an instance takes what is addressed to it: a subscription on a stream of its own, announced
 * by a counter. A stream is a broadcast; one stream an instance is what makes each frame reach one.
 */
public final class Inbox implements AutoCloseable {
  /** Takes what an inbox was sent. */
  @FunctionalInterface
  public interface Handler {
    /** Returned to meet the same message again in the next poll. */
    int ABORT = -1;

    /**
     * A message.
     *
     * @return how many frames it speaks for, 0 if it is skipped; or {@link #ABORT}
     */
    int onMessage(DirectBuffer buffer, int offset, int length, Header header);
  }

  /**
   * How long a leaving inbox waits for senders that had seen it open and were still connecting, on
   * a machine that lets them wait for a processor.
   */
  private static final long LEAVE_GRACE_NANOS = TimeUnit.MILLISECONDS.toNanos(150);

  private static final long CHECK_INTERVAL_NANOS = TimeUnit.MILLISECONDS.toNanos(500);

  private static final int HALF_WINDOW_FRAMES = Outboxes.WINDOW_FRAMES / 2;

  private final Aeron aeron;
  private final Stage stage;
  private final int streamId;
  private final int instanceId;
  private final long lock;
  private final Doorbells doorbells;
  private final long subscriptionId;
  private final SenderSlots slots;
  private final StuckLogs stuckLogs = new StuckLogs();

  private final ControlledFragmentHandler fragmentHandler = this::onFragment;
  private Subscription subscription;
  private long counterId = Aeron.NULL_VALUE;
  private Counter counter;
  private Handler handler;
  private int frameLimit;
  private int polledFrames;
  private long nowNanos;
  private long unrungFrames;
  private long driverRungAtRead;
  private long nextCheckNanos;
  private long leftAtNanos;
  private boolean isStopping;
  private boolean isLeaving;

  private Inbox(
      DriverConnection connection,
      String channel,
      Stage stage,
      int streamId,
      int instanceId,
      long lock) {
    this.aeron = connection.aeron();
    this.doorbells = connection.doorbells();
    this.stage = stage;
    this.streamId = streamId;
    this.instanceId = instanceId;
    this.lock = lock;
    this.slots =
        new SenderSlots(
            Path.of(aeron.context().aeronDirectoryName()), streamId, stage.inputLength());
    this.subscriptionId =
        aeron.asyncAddSubscription(
            channel, streamId, null, image -> slots.unmap(image.sessionId()));
    this.nextCheckNanos = aeron.context().nanoClock().nanoTime();
  }

  /**
   * Begins to open an inbox; polling it goes on with that, and never waits for the driver, which
   * may be dead.
   *
   * @param channel where senders will publish
   * @param instanceId what distinguishes this instance in its counter; the source id for a reader
   * @throws AeronException if the file of the locks cannot be used
   */
  public static Inbox open(
      DriverConnection connection, String channel, Stage stage, int instanceId) {
    // Correlation ids are unique per driver, and an inbox does not outlive its driver.
    int streamId = (int) connection.aeron().nextCorrelationId();
    try {
      long lock = connection.liveness().claim();
      return new Inbox(connection, channel, stage, streamId, instanceId, lock);
    } catch (IOException e) {
      throw new AeronException("cannot show that this process is alive: " + e);
    }
  }

  /** The stream that senders publish to. */
  public int streamId() {
    return streamId;
  }

  /** Whether the inbox is made known, so that senders find it. */
  public boolean isOpen() {
    return counter != null;
  }

  /**
   * Hands messages to the handler until they speak for {@code frameLimit} frames or more; returns
   * how many frames that were, a message that was skipped counting as one. Room for senders is made
   * at the end.
   *
   * @throws AeronException if the driver refuses to open the inbox
   * @throws ExitException if this process cannot do its work: another is to take its place, and
   *     what it was sent goes to others
   */
  public int poll(Handler handler, int frameLimit, long nowNanos) {
    if (counter == null) {
      return goOnOpening();
    }
    if (nowNanos - nextCheckNanos >= 0) {
      nextCheckNanos = nowNanos + CHECK_INTERVAL_NANOS;
      stuckLogs.check(subscription, nowNanos);
      slots.forgetMissing();
    }
    this.nowNanos = nowNanos;
    this.handler = handler;
    this.frameLimit = frameLimit;
    polledFrames = 0;
    subscription.controlledPoll(fragmentHandler, frameLimit);
    if (slots.failure() != null) {
      throw new ExitException(
          ExitCode.INTERNAL,
          "AERON_DIR=%s: cannot map what a sender has written: %s; raise the limit that it names, and run every service as one user"
              .formatted(aeron.context().aeronDirectoryName(), slots.failure().getMessage()));
    }
    ring();
    return polledFrames;
  }

  /**
   * Where the payloads of a sender's messages are; slots that hold nothing if it has none. For the
   * handler of a poll.
   *
   * @return null while this process cannot map them: the handler is to abort
   */
  public FrameSlots slots(Header header) {
    return slots.of(header.sessionId(), nowNanos);
  }

  /** Says that its owner was told to stop; it takes messages as before. */
  public void announceStop() {
    isStopping = true;
    if (counter != null) {
      // Volatile, since this must be seen before a look at the others, see Departure.
      counter.set(InboxDirectory.STOPPING);
    }
  }

  /** Asks senders to close; go on polling until {@link #isDrained}. */
  public void leave(long nowNanos) {
    if (!isLeaving) {
      isLeaving = true;
      leftAtNanos = nowNanos;
      if (counter != null) {
        counter.setRelease(InboxDirectory.LEAVING);
      }
    }
  }

  /** Whether this inbox has left and nothing can arrive any more. */
  public boolean isDrained(long nowNanos) {
    if (counter == null) {
      // Nobody has been told of it.
      return isLeaving;
    }
    if (!isLeaving || nowNanos - leftAtNanos < LEAVE_GRACE_NANOS) {
      return false;
    }
    for (int i = 0, count = subscription.imageCount(); i < count; i++) {
      if (!subscription.imageAtIndex(i).isEndOfStream()) {
        return false;
      }
    }
    return true;
  }

  /**
   * Says that everything this inbox was sent has been handed on; its senders then repeat nothing.
   */
  public void drained() {
    if (counter != null) {
      counter.setRelease(InboxDirectory.DRAINED);
    }
  }

  @Override
  public void close() {
    CloseHelper.closeAll(counter, subscription, slots);
  }

  private Action onFragment(DirectBuffer buffer, int offset, int length, Header header) {
    int frames = handler.onMessage(buffer, offset, length, header);
    if (frames == Handler.ABORT) {
      return Action.ABORT;
    }
    polledFrames += Math.max(1, frames);
    return polledFrames < frameLimit ? Action.CONTINUE : Action.BREAK;
  }

  /**
   * Wakes senders that wait for room when half of what a reciprocal may have here was read, which
   * is less than a reader may, or when all was. Has the driver move limits when half of a log's
   * window was read, which is seldom: it clears what was read. More often, each would be woken for
   * little.
   */
  private void ring() {
    unrungFrames += polledFrames;
    boolean isRingDue = polledFrames == 0 ? unrungFrames > 0 : unrungFrames >= HALF_WINDOW_FRAMES;
    if (isRingDue && doorbells.wakeWantingRoom()) {
      unrungFrames = 0;
    }
    long read = 0;
    int count = subscription.imageCount();
    for (int i = 0; i < count; i++) {
      read += subscription.imageAtIndex(i).position();
    }
    if (read - driverRungAtRead < 0) {
      // An image is gone.
      driverRungAtRead = read;
    }
    if (read - driverRungAtRead > 0
        && read - driverRungAtRead
            >= subscription.imageAtIndex(0).termBufferLength() / Backlog.HALF_LOG_DIVISOR) {
      driverRungAtRead = read;
      doorbells.ringDriver();
    }
  }

  /** The subscription first: whoever finds the counter can publish. */
  private int goOnOpening() {
    if (subscription == null) {
      subscription = aeron.getSubscription(subscriptionId);
    } else if (isLeaving) {
      return 0;
    } else if (counterId == Aeron.NULL_VALUE) {
      counterId =
          InboxDirectory.announce(aeron, stage, streamId, instanceId, lock, doorbells.own());
    } else {
      counter = aeron.getCounter(counterId);
      if (counter != null) {
        counter.setRelease(isStopping ? InboxDirectory.STOPPING : InboxDirectory.OPEN);
        return 1;
      }
    }
    return 0;
  }
}
