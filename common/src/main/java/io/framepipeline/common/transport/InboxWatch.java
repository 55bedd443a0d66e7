package io.framepipeline.common.transport;

import io.framepipeline.common.linux.ProcessLiveness;
import io.framepipeline.common.topology.Stage;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.agrona.concurrent.status.CountersReader;

/** Watches the inboxes of one stage come and go, and tells whether each left or was lost. */
public final class InboxWatch {
  /** How often this looks at the counters. */
  public static final long INTERVAL_NANOS = TimeUnit.MILLISECONDS.toNanos(20);

  /**
   * An inbox as its senders know it.
   *
   * @param registrationId identifies it for the driver's whole life
   * @param counterId its counter while it lives
   * @param streamId the stream that it subscribes to
   * @param doorbell wakes its owner
   */
  public record RemoteInbox(long registrationId, int counterId, int streamId, int doorbell) {}

  /** Told of changes by {@link #doWork}. */
  public interface Listener {
    /** An inbox takes messages. */
    default void onOpen(RemoteInbox inbox) {}

    /**
     * An inbox takes no more messages. Either it still reads those that it has, or it is gone, see
     * {@link #onLost}.
     */
    default void onLeaving(RemoteInbox inbox) {}

    /**
     * An inbox is gone without being drained, perhaps with frames that it was sent: its owner died,
     * or the driver evicted it.
     */
    default void onLost(RemoteInbox inbox) {}
  }

  private static final class Tracked {
    final RemoteInbox inbox;
    final ProcessLiveness.Owner owner;
    boolean isSeen = true;
    boolean isOpened;
    boolean isLeaving;
    boolean isLost;

    Tracked(RemoteInbox inbox, ProcessLiveness.Owner owner) {
      this.inbox = inbox;
      this.owner = owner;
    }
  }

  private final InboxDirectory directory;
  private final ProcessLiveness liveness;
  private final Stage stage;
  private final Listener listener;
  private final List<Tracked> tracked = new ArrayList<>();
  private final InboxDirectory.Visitor onInbox = this::onInbox;
  private long nextLookNanos;
  private boolean hasLooked;

  /** Watches a stage's inboxes on the connection's driver. */
  public InboxWatch(DriverConnection connection, Stage stage, Listener listener) {
    this(connection.aeron().countersReader(), connection.liveness(), stage, listener);
  }

  InboxWatch(CountersReader counters, ProcessLiveness liveness, Stage stage, Listener listener) {
    this.directory = new InboxDirectory(counters);
    this.liveness = liveness;
    this.stage = stage;
    this.listener = listener;
  }

  /** Looks if a look is due. Allocates only for a new inbox. */
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
        liveness.unwatch(candidate.owner);
        tracked.remove(i);
      }
      candidate.isSeen = false;
    }
    return changes;
  }

  /** Whether there is an inbox, in any state, whose owner is not known to be dead. */
  boolean isAnyThere() {
    return tracked.stream().anyMatch(candidate -> !candidate.owner.isDead());
  }

  /** Whether an inbox's owner was told to stop and has not ended. */
  boolean isAnyEnding() {
    return tracked.stream()
        .anyMatch(candidate -> !candidate.owner.isDead() && state(candidate) > InboxDirectory.OPEN);
  }

  /** Whether an inbox takes frames, and its owner lives and was not told to stop. */
  boolean isAnyOpen() {
    return tracked.stream()
        .anyMatch(
            candidate -> candidate.owner.isAlive() && state(candidate) == InboxDirectory.OPEN);
  }

  private long state(Tracked candidate) {
    return directory.state(candidate.inbox.counterId(), candidate.inbox.registrationId());
  }

  private void onInbox(int counterId, long registrationId) {
    for (int i = 0, size = tracked.size(); i < size; i++) {
      Tracked known = tracked.get(i);
      if (known.inbox.registrationId() == registrationId) {
        known.isSeen = true;
        return;
      }
    }
    RemoteInbox inbox =
        new RemoteInbox(
            registrationId,
            counterId,
            directory.streamId(counterId),
            directory.doorbell(counterId));
    long lock = directory.lock(counterId);
    if (directory.isStill(counterId, registrationId)) {
      tracked.add(new Tracked(inbox, liveness.watch(lock)));
    }
  }

  /** Tells the listener what is new about an inbox; returns whether anything is. */
  private boolean update(Tracked candidate) {
    RemoteInbox inbox = candidate.inbox;
    // Liveness first: once an owner is dead, its last write to the state can be read.
    boolean isGone = candidate.owner.isDead() || !candidate.isSeen;
    long state = state(candidate);
    boolean changed = false;
    if (!candidate.isOpened
        && !isGone
        && candidate.owner.isAlive()
        && InboxDirectory.isTaking(state)) {
      candidate.isOpened = true;
      changed = true;
      listener.onOpen(inbox);
    }
    if (candidate.isOpened && !candidate.isLeaving && (isGone || !InboxDirectory.isTaking(state))) {
      candidate.isLeaving = true;
      changed = true;
      listener.onLeaving(inbox);
    }
    // Also if this process never saw it open: others may have seen it sooner, and sent frames
    // there.
    if (!candidate.isLost && isGone && state != InboxDirectory.DRAINED) {
      candidate.isLost = true;
      changed = true;
      listener.onLost(inbox);
    }
    return changed;
  }
}
