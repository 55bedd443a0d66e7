package io.framepipeline.common.transport;

import io.aeron.Aeron;
import io.aeron.Counter;
import io.aeron.Image;
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
 * An instance's inbox: a subscription on a stream of its own, announced by a counter. Aeron
 * delivers a stream to all its subscribers. So each instance has a stream of its own, and each
 * frame reaches one instance.
 */
public final class Inbox implements AutoCloseable {
  /** Takes the messages of an inbox. */
  @FunctionalInterface
  public interface Handler {
    /** Return this to get the same message again in the next poll. */
    int ABORT = -1;

    /**
     * Takes one message.
     *
     * @return how many frames it stands for, 0 if it is skipped; or {@link #ABORT}
     */
    int onMessage(DirectBuffer buffer, int offset, int length, Header header);
  }

  /**
   * How long a leaving inbox waits for senders that saw it open and are still connecting. It is
   * long enough for a machine on which they wait for a CPU.
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
  private final ControlledFragmentHandler countHandler = this::count;
  private Subscription subscription;
  private long counterId = Aeron.NULL_VALUE;
  private Counter counter;
  private Handler handler;
  private int frameLimit;
  private int polledFrames;
  private Handler frameCounter;
  private long countedFrames;
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
   * Begins to open an inbox. Each poll continues the opening. Neither waits for the driver, which
   * may be dead.
   *
   * @param channel where senders will publish
   * @param instanceId distinguishes this instance in its counter; a reader's {@code sourceId}
   * @throws AeronException if the lock file cannot be used
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

  /** Whether the inbox is announced, so that senders find it. */
  public boolean isOpen() {
    return counter != null;
  }

  /**
   * Hands messages to the handler until they stand for {@code frameLimit} frames or more; then each
   * sender that was not polled yet may have one message more. Returns the number of frames; a
   * skipped message counts as one. Senders get room for new messages at the end of the poll.
   *
   * @throws AeronException if the driver refuses to open the inbox
   * @throws ExitException if this process cannot do its work. Another process must replace it, and
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
   * Counts the frames of messages that have arrived and are not read yet. What lies beyond the end
   * of a term is left out, so it is an estimate. For the figures, not for the hot path.
   *
   * @param frames tells how many frames a message stands for
   */
  public long unreadFrames(Handler frames) {
    frameCounter = frames;
    countedFrames = 0;
    for (int i = 0, count = subscription == null ? 0 : subscription.imageCount(); i < count; i++) {
      Image image = subscription.imageAtIndex(i);
      image.controlledPeek(image.position(), countHandler, Long.MAX_VALUE);
    }
    return countedFrames;
  }

  /**
   * The payloads of a sender's messages. If the sender has none, these are slots that hold nothing.
   * For the handler of a poll.
   *
   * @return null while this process cannot map them; the handler must abort then
   */
  public FrameSlots slots(Header header) {
    return slots.of(header.sessionId(), nowNanos);
  }

  /** Announces that the owner was told to stop. The inbox takes messages as before. */
  public void announceStop() {
    isStopping = true;
    if (counter != null) {
      // A volatile write: it must be visible before this process looks at the others, see
      // Departure.
      counter.set(InboxDirectory.STOPPING);
    }
  }

  /** Asks senders to close. Keep polling until {@link #isDrained}. */
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
      // No sender knows of this inbox.
      return isLeaving;
    }
    if (!isLeaving || nowNanos - leftAtNanos < LEAVE_GRACE_NANOS) {
      return false;
    }
    if (subscription.isClosed()) {
      // By the client, after the process was stopped for long: messages may be unread.
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
   * Announces that everything this inbox was sent has been handed on. Readers then redeliver
   * nothing.
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

  private Action count(DirectBuffer buffer, int offset, int length, Header header) {
    countedFrames += frameCounter.onMessage(buffer, offset, length, header);
    return Action.CONTINUE;
  }

  /**
   * Wakes the want-room set after 64 frames, or when the inbox is empty. That is half of what a
   * reciprocal may have unread here; a reader may have more. Wakes the driver after half of a log's
   * window was read, so that it moves limits. That is seldom, because the driver also clears what
   * was read. If either were woken more often, it would find little to do.
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
      // A sender's image is gone, and with it its position.
      driverRungAtRead = read;
    }
    if (read - driverRungAtRead > 0
        && read - driverRungAtRead
            >= subscription.imageAtIndex(0).termBufferLength() / Backlog.HALF_LOG_DIVISOR) {
      driverRungAtRead = read;
      doorbells.ringDriver();
    }
  }

  /** Opens the subscription first, because a sender that finds the counter can publish at once. */
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
