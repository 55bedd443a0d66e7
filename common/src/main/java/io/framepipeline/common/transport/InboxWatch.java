package io.framepipeline.common.transport;

import io.aeron.Aeron;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** Watches the inboxes of one stage come and go, and tells whether they left or were lost. */
public final class InboxWatch {
  /** How often the counters are looked through. */
  public static final long INTERVAL_NANOS = TimeUnit.MILLISECONDS.toNanos(50);

  /**
   * An inbox as its senders know it.
   *
   * @param registrationId identifies it for the driver's whole life
   * @param counterId its counter while it lives
   * @param streamId where it listens
   * @param instanceId its owner: the source id for a reader
   */
  public record RemoteInbox(long registrationId, int counterId, int streamId, int instanceId) {}

  /** Told of changes, from {@link #doWork}. */
  public interface Listener {
    /** An inbox takes messages. */
    default void onOpen(RemoteInbox inbox) {}

    /**
     * An inbox wants no more messages and reads those that it has; or it is gone, see the others.
     */
    default void onLeaving(RemoteInbox inbox) {}

    /** An inbox is gone, and with it perhaps what it was sent: its owner died, or was evicted. */
    default void onLost(RemoteInbox inbox) {}
  }

  private static final class Tracked {
    final RemoteInbox inbox;
    boolean isLeaving;
    boolean isSeen;

    Tracked(RemoteInbox inbox) {
      this.inbox = inbox;
    }
  }

  private final InboxDirectory directory;
  private final Stage stage;
  private final Listener listener;
  private final List<Tracked> tracked = new ArrayList<>();
  private final InboxDirectory.Visitor onInbox = this::onInbox;
  private long nextLookNanos;
  private boolean hasLooked;

  /** Watches a stage's inboxes on the driver that {@code aeron} is connected to. */
  public InboxWatch(Aeron aeron, Stage stage, Listener listener) {
    this.directory = new InboxDirectory(aeron.countersReader());
    this.stage = stage;
    this.listener = listener;
  }

  /** Looks if it is time to; allocates only when an inbox is new. */
  public int doWork(long nowNanos) {
    if (hasLooked && nowNanos - nextLookNanos < 0) {
      return 0;
    }
    hasLooked = true;
    nextLookNanos = nowNanos + INTERVAL_NANOS;

    directory.forEach(stage, onInbox);
    int changes = 0;
    for (int i = tracked.size() - 1; i >= 0; i--) {
      Tracked candidate = tracked.get(i);
      changes += update(candidate) ? 1 : 0;
      if (!candidate.isSeen) {
        tracked.remove(i);
      }
      candidate.isSeen = false;
    }
    return changes;
  }

  private void onInbox(int counterId, long registrationId) {
    for (int i = 0, size = tracked.size(); i < size; i++) {
      Tracked known = tracked.get(i);
      if (known.inbox.registrationId() == registrationId) {
        known.isSeen = true;
        return;
      }
    }
    if (directory.state(counterId, registrationId) == InboxDirectory.OPEN) {
      Tracked found =
          new Tracked(
              new RemoteInbox(
                  registrationId,
                  counterId,
                  directory.streamId(counterId),
                  directory.instanceId(counterId)));
      found.isSeen = true;
      tracked.add(found);
      listener.onOpen(found.inbox);
    }
  }

  private boolean update(Tracked candidate) {
    RemoteInbox inbox = candidate.inbox;
    long state = directory.state(inbox.counterId(), inbox.registrationId());
    boolean changed = false;
    if (!candidate.isLeaving && (!candidate.isSeen || state != InboxDirectory.OPEN)) {
      candidate.isLeaving = true;
      changed = true;
      listener.onLeaving(inbox);
    }
    if (!candidate.isSeen && state != InboxDirectory.DRAINED) {
      listener.onLost(inbox);
    }
    return changed;
  }
}
