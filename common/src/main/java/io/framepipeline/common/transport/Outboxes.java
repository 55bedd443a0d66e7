package io.framepipeline.common.transport;

import io.aeron.Aeron;
import io.aeron.ExclusivePublication;
import io.aeron.Publication;
import io.aeron.exceptions.RegistrationException;
import io.aeron.logbuffer.BufferClaim;
import io.framepipeline.common.transport.InboxWatch.RemoteInbox;
import java.util.ArrayList;
import java.util.List;
import org.agrona.CloseHelper;
import org.agrona.concurrent.status.CountersReader;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A sender's publications, one exclusive one to each open inbox of the next stage, kept up to date
 * by an {@link InboxWatch}. {@link #tryClaim} spreads frames over them: each goes where least is
 * waiting, so that a slow instance gets less, and holds up neither the others nor, by a long queue
 * of its own, the frames behind.
 */
public final class Outboxes implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(Outboxes.class);

  /** Messages that wait at most for their receivers to be woken while there are more to send. */
  private static final int RING_MESSAGES = 32;

  private static final long RETRY_NANOS = 20 * InboxWatch.INTERVAL_NANOS;

  /** One publication; null until the driver has made it. */
  private static final class Outbox {
    final RemoteInbox inbox;
    ExclusivePublication publication;
    Backlog backlog;
    long pendingRegistrationId = Aeron.NULL_VALUE;
    long retryNanos;
    boolean isRingDue;

    Outbox(RemoteInbox inbox) {
      this.inbox = inbox;
    }
  }

  private final Aeron aeron;
  private final Doorbells doorbells;
  private final CountersReader counters;
  private final String channel;
  private final Stage stage;
  private final InboxWatch watch;
  private final InboxWatch.Listener onChange;
  private final List<Outbox> outboxes = new ArrayList<>();
  private int connectedCount;
  private int cursor;
  private long nowNanos;
  private Outbox claimed;
  private int unrungMessages;
  private boolean hasClaimed;

  /**
   * Sends to a stage's inboxes on the connection's driver.
   *
   * @param channel of the publications
   * @param stage whose inboxes are sent to
   * @param onChange told of the same changes, after this has followed them
   */
  public Outboxes(
      DriverConnection connection, String channel, Stage stage, InboxWatch.Listener onChange) {
    this.aeron = connection.aeron();
    this.doorbells = connection.doorbells();
    this.counters = aeron.countersReader();
    this.channel = channel;
    this.stage = stage;
    this.onChange = onChange;
    this.watch = new InboxWatch(connection, stage, new Follower());
  }

  /**
   * Follows the inboxes, and wakes those that were sent something: when nothing was sent in the
   * last duty cycle, or much since they were woken. Part of the sender's duty cycle.
   */
  public int doWork(long nowNanos) {
    this.nowNanos = nowNanos;
    int work = watch.doWork(nowNanos);
    for (int i = 0, size = outboxes.size(); i < size; i++) {
      Outbox outbox = outboxes.get(i);
      if (outbox.publication == null) {
        work += connect(outbox, nowNanos);
      }
    }
    if (!hasClaimed || unrungMessages >= RING_MESSAGES) {
      ring();
    }
    hasClaimed = false;
    int connected = followConnected();
    if (connected != connectedCount) {
      connectedCount = connected;
      work++;
    }
    return work;
  }

  /** The number of inboxes that can be sent to, as of the last duty cycle. */
  public int connectedCount() {
    return connectedCount;
  }

  /**
   * Claims space in the inbox where least is waiting; among equals they take turns. The caller
   * commits or aborts.
   *
   * @return false if there is no room: no inbox is known, or every one is full or has enough
   */
  public boolean tryClaim(int length, BufferClaim claim) {
    int next = shortestQueue(length);
    if (next < 0 || !tryClaim(outboxes.get(next), length, claim)) {
      wantRoom();
      return false;
    }
    cursor = next;
    return true;
  }

  /** Claims space in the inbox with this stream id; the caller commits or aborts. */
  public boolean tryClaim(int streamId, int length, BufferClaim claim) {
    Outbox outbox = find(streamId);
    return outbox != null && tryClaim(outbox, length, claim);
  }

  /**
   * Wakes those that were sent something; now, as {@link #doWork} would later. To wake somebody for
   * each message would take longer than most messages do.
   */
  public void ring() {
    if (unrungMessages > 0) {
      unrungMessages = 0;
      for (int i = 0, size = outboxes.size(); i < size; i++) {
        Outbox outbox = outboxes.get(i);
        if (outbox.isRingDue) {
          outbox.isRingDue = false;
          doorbells.ring(outbox.inbox.doorbell());
        }
      }
    }
  }

  /** Whether an inbox with this stream id is open. */
  public boolean isOpen(int streamId) {
    return find(streamId) != null;
  }

  /** The registration id of the inbox that the last successful claim was made in. */
  public long claimedInbox() {
    return claimed.inbox.registrationId();
  }

  @Override
  public void close() {
    for (Outbox outbox : outboxes) {
      CloseHelper.close(outbox.publication);
    }
    outboxes.clear();
  }

  /** Whoever has read half a window has the driver move limits, and may have done so before. */
  private void wantRoom() {
    doorbells.wantRoom();
    for (int i = 0, size = outboxes.size(); i < size; i++) {
      Outbox outbox = outboxes.get(i);
      if (outbox.backlog != null && outbox.backlog.isLimitStale()) {
        doorbells.ringDriver();
        return;
      }
    }
  }

  private boolean tryClaim(Outbox outbox, int length, BufferClaim claim) {
    ExclusivePublication publication = outbox.publication;
    if (publication == null) {
      return false;
    }
    long position = publication.tryClaim(length, claim);
    if (position == Publication.ADMIN_ACTION) {
      // The term was full; the next one is ready now.
      position = publication.tryClaim(length, claim);
    }
    if (position > 0) {
      claimed = outbox;
      outbox.isRingDue = true;
      unrungMessages++;
      hasClaimed = true;
      return true;
    }
    if (position == Publication.MAX_POSITION_EXCEEDED) {
      // A publication has 2^31 terms: weeks at full speed. The next one takes over.
      publication.close();
      outbox.publication = null;
      outbox.backlog = null;
    }
    return false;
  }

  /**
   * The index of the inbox with the fewest unread bytes, the next one in turn among equals; -1 if
   * none has room.
   */
  private int shortestQueue(int length) {
    int size = outboxes.size();
    int shortest = -1;
    long fewest = Long.MAX_VALUE;
    for (int i = 1; i <= size; i++) {
      // Several outboxes may be gone since the cursor was set.
      int index = (cursor + i) % size;
      Outbox outbox = outboxes.get(index);
      if (outbox.backlog != null && outbox.publication.availableWindow() > 0) {
        long unread = outbox.backlog.unreadBytes();
        if (unread < fewest && !outbox.backlog.isEnough(unread, length)) {
          fewest = unread;
          shortest = index;
        }
      }
    }
    return shortest;
  }

  /** Keeps the backlog of each connected publication; returns how many there are. */
  private int followConnected() {
    int count = 0;
    for (int i = 0, size = outboxes.size(); i < size; i++) {
      Outbox outbox = outboxes.get(i);
      if (outbox.publication == null || !outbox.publication.isConnected()) {
        outbox.backlog = null;
      } else {
        count++;
        if (outbox.backlog == null) {
          outbox.backlog = Backlog.of(outbox.publication, counters, nowNanos);
        } else {
          outbox.backlog.measure(nowNanos);
        }
      }
    }
    return count;
  }

  private int connect(Outbox outbox, long nowNanos) {
    if (outbox.pendingRegistrationId == Aeron.NULL_VALUE) {
      if (nowNanos - outbox.retryNanos < 0) {
        return 0;
      }
      outbox.pendingRegistrationId =
          aeron.asyncAddExclusivePublication(channel, outbox.inbox.streamId());
      return 1;
    }
    try {
      outbox.publication = aeron.getExclusivePublication(outbox.pendingRegistrationId);
    } catch (RegistrationException e) {
      LOG.warn(
          "cannot publish to inbox {} of stage {}: {}",
          outbox.inbox.streamId(),
          stage.label(),
          e.getMessage());
      outbox.pendingRegistrationId = Aeron.NULL_VALUE;
      outbox.retryNanos = nowNanos + RETRY_NANOS;
      return 0;
    }
    if (outbox.publication == null) {
      return 0;
    }
    outbox.pendingRegistrationId = Aeron.NULL_VALUE;
    return 1;
  }

  private Outbox find(int streamId) {
    for (int i = 0, size = outboxes.size(); i < size; i++) {
      Outbox outbox = outboxes.get(i);
      if (outbox.inbox.streamId() == streamId) {
        return outbox;
      }
    }
    return null;
  }

  private final class Follower implements InboxWatch.Listener {
    @Override
    public void onOpen(RemoteInbox inbox) {
      Outbox outbox = new Outbox(inbox);
      outbox.retryNanos = nowNanos;
      outboxes.add(outbox);
      onChange.onOpen(inbox);
    }

    @Override
    public void onLeaving(RemoteInbox inbox) {
      for (int i = outboxes.size() - 1; i >= 0; i--) {
        Outbox outbox = outboxes.get(i);
        if (outbox.inbox.equals(inbox)) {
          outboxes.remove(i);
          // Closing ends the stream: the inbox reads to its end and is drained.
          if (outbox.publication != null) {
            outbox.publication.close();
          } else if (outbox.pendingRegistrationId != Aeron.NULL_VALUE) {
            aeron.asyncRemovePublication(outbox.pendingRegistrationId);
          }
        }
      }
      onChange.onLeaving(inbox);
    }

    @Override
    public void onLost(RemoteInbox inbox) {
      onChange.onLost(inbox);
    }
  }
}
