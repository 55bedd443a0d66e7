package io.framepipeline.common.transport;

import io.aeron.Aeron;
import io.aeron.Counter;
import io.aeron.Image;
import io.aeron.Subscription;
import io.aeron.logbuffer.ControlledFragmentHandler;
import io.aeron.logbuffer.ControlledFragmentHandler.Action;
import io.aeron.logbuffer.Header;
import java.util.concurrent.TimeUnit;
import org.agrona.CloseHelper;
import org.agrona.DirectBuffer;

/**
 * Where an instance takes what is addressed to it: a subscription on a stream of its own, announced
 * by a counter. A stream is a broadcast; one stream an instance is what makes each frame reach one.
 */
public final class Inbox implements AutoCloseable {
  /**
   * How long a leaving inbox waits for senders that had seen it open and were still connecting.
   * They look every {@link InboxWatch#INTERVAL_NANOS}.
   */
  private static final long LEAVE_GRACE_NANOS = 3 * InboxWatch.INTERVAL_NANOS;

  /**
   * A sender that died inside a claim may leave a log that has no readable end: the driver repairs
   * it only for a reader that had caught up. A leaving inbox that has found nothing to read for so
   * long, in logs of senders that are gone, has read everything that there is.
   */
  private static final long STUCK_NANOS = TimeUnit.SECONDS.toNanos(3);

  private final Subscription subscription;
  private final Counter counter;
  private final ControlledFragmentHandler onFragment = this::onFragment;
  private ControlledFragmentHandler handler;
  private long leftAtNanos;
  private long lastFragmentNanos;
  private boolean hasFragment;
  private boolean isLeaving;

  private Inbox(Subscription subscription, Counter counter) {
    this.subscription = subscription;
    this.counter = counter;
  }

  /**
   * Opens an inbox and makes it known.
   *
   * @param channel where senders will publish
   * @param instanceId what distinguishes this instance in its counter; the source id for a reader
   */
  public static Inbox open(Aeron aeron, String channel, Stage stage, int instanceId) {
    // Correlation ids are unique per driver, and an inbox does not outlive its driver.
    int streamId = (int) aeron.nextCorrelationId();
    Subscription subscription = aeron.addSubscription(channel, streamId);
    return new Inbox(subscription, InboxDirectory.announce(aeron, stage, streamId, instanceId));
  }

  /** The stream that senders publish to. */
  public int streamId() {
    return subscription.streamId();
  }

  /** Hands up to {@code fragmentLimit} messages to the handler; returns how many were taken. */
  public int poll(ControlledFragmentHandler handler, int fragmentLimit) {
    if (!isLeaving) {
      return subscription.controlledPoll(handler, fragmentLimit);
    }
    this.handler = handler;
    return subscription.controlledPoll(onFragment, fragmentLimit);
  }

  /** Asks senders to close; go on polling until {@link #isDrained}. */
  public void leave(long nowNanos) {
    if (!isLeaving) {
      isLeaving = true;
      leftAtNanos = nowNanos;
      lastFragmentNanos = nowNanos;
      counter.setRelease(InboxDirectory.LEAVING);
    }
  }

  /** Whether this inbox has left and nothing can arrive any more. */
  public boolean isDrained(long nowNanos) {
    if (!isLeaving || nowNanos - leftAtNanos < LEAVE_GRACE_NANOS) {
      return false;
    }
    if (hasFragment) {
      hasFragment = false;
      lastFragmentNanos = nowNanos;
    }
    boolean isStuck = nowNanos - lastFragmentNanos >= STUCK_NANOS;
    for (int i = 0, count = subscription.imageCount(); i < count; i++) {
      Image image = subscription.imageAtIndex(i);
      boolean isSenderGone = image.endOfStreamPosition() != Long.MAX_VALUE;
      if (!image.isEndOfStream() && !(isSenderGone && isStuck)) {
        return false;
      }
    }
    return true;
  }

  /** Notes that there was something to read, even if the handler aborts and meets it again. */
  private Action onFragment(DirectBuffer buffer, int offset, int length, Header header) {
    hasFragment = true;
    return handler.onFragment(buffer, offset, length, header);
  }

  /**
   * Says that everything this inbox was sent has been handed on; its senders then repeat nothing.
   */
  public void drained() {
    counter.setRelease(InboxDirectory.DRAINED);
  }

  @Override
  public void close() {
    CloseHelper.closeAll(counter, subscription);
  }
}
