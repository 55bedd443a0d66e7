package io.framepipeline.common.transport;

import io.aeron.Aeron;
import io.aeron.logbuffer.BufferClaim;
import io.framepipeline.common.topology.Stage;
import io.framepipeline.common.transport.InboxWatch.RemoteInbox;
import java.util.ArrayList;
import java.util.List;
import org.agrona.CloseHelper;

/**
 * A sender's publications, one exclusive one to each open inbox of the next stage, kept up to date
 * by an {@link InboxWatch}. {@link #tryClaimBatch} spreads frames over them: each goes where least
 * is waiting, so that a slow instance gets less, and holds up neither the others nor, by a long
 * queue of its own, the frames behind.
 */
public final class Outboxes implements AutoCloseable {
  /**
   * Slots of a sender for one inbox, if it has none of its own for all: as many frames as the inbox
   * may have yet to read, enough to keep it busy while its neighbour sleeps, and 2 MiB of floats.
   */
  public static final int WINDOW_FRAMES = 128;

  /** Frames that wait at most for their receivers to be woken while there are more to send. */
  private static final int RING_FRAMES = 32;

  private final Aeron aeron;
  private final Doorbells doorbells;
  private final String channel;
  private final Payloads payloads;
  private final InboxWatch watch;
  private final InboxWatch.Listener onChange;
  private final List<Outbox> outboxes = new ArrayList<>();

  /** Those that have ended, until what they sent is read. */
  private final List<Outbox> ended = new ArrayList<>();

  private int connectedCount;
  private int cursor;
  private long nowNanos;
  private final FrameClaim claim;
  private int unrungFrames;
  private boolean hasClaimed;

  /**
   * Sends to a stage's inboxes on the connection's driver.
   *
   * @param channel of the publications
   * @param payloads that messages refer to
   * @param stage whose inboxes are sent to
   * @param onChange told of the same changes, after this has followed them
   */
  public Outboxes(
      DriverConnection connection,
      String channel,
      Payloads payloads,
      Stage stage,
      InboxWatch.Listener onChange) {
    this.aeron = connection.aeron();
    this.doorbells = connection.doorbells();
    this.channel = channel;
    this.payloads = payloads;
    this.onChange = onChange;
    this.claim = new FrameClaim(stage.inputLength());
    this.watch = new InboxWatch(connection, stage, new Follower());
  }

  /**
   * Follows the inboxes, and wakes those that were sent batches: when none was sent in this duty
   * cycle, or many since they were woken. To wake somebody for each would take longer than most do.
   * At the end of the sender's duty cycle.
   */
  public int doWork(long nowNanos) {
    this.nowNanos = nowNanos;
    int work = watch.doWork(nowNanos);
    int connected = 0;
    for (int i = 0, size = outboxes.size(); i < size; i++) {
      Outbox outbox = outboxes.get(i);
      if (outbox.isWornOut()) {
        ended.add(outbox);
        outbox.end();
        outbox = newOutbox(outbox.inbox());
        outboxes.set(i, outbox);
      }
      outbox.doWork(nowNanos);
      connected += outbox.isConnected() ? 1 : 0;
    }
    for (int i = ended.size() - 1; i >= 0; i--) {
      if (ended.get(i).isRead()) {
        ended.remove(i).close();
      }
    }
    if (!hasClaimed || unrungFrames >= RING_FRAMES) {
      ring();
    }
    hasClaimed = false;
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
   * Claims room for a batch of frames in the inbox where least is waiting; among equals they take
   * turns.
   *
   * @return null if there is no room: no inbox is known, or every one is full or has enough. Else
   *     the same object each time, to be closed before the next claim
   */
  public FrameClaim tryClaimBatch(int frames) {
    return tryClaimBatch(frames, Aeron.NULL_VALUE);
  }

  /**
   * The same for frames that had better not go where they did not come back from. Another inbox
   * gets them, even if it has enough; this one only if it is the only one with room.
   *
   * @param avoidedInbox the registration id of that inbox
   */
  public FrameClaim tryClaimBatch(int frames, long avoidedInbox) {
    int next = avoidedInbox == Aeron.NULL_VALUE ? -1 : shortestQueue(frames, avoidedInbox, true);
    if (next < 0) {
      next = shortestQueue(frames, Aeron.NULL_VALUE, false);
    }
    if (next < 0 || !claim.tryClaim(outboxes.get(next), frames)) {
      wantRoom();
      return null;
    }
    cursor = next;
    unrungFrames += frames;
    hasClaimed = true;
    return claim;
  }

  /**
   * Claims space in the inbox with this stream id; the caller commits or aborts, and wakes the
   * owner if that is worth while.
   */
  public boolean tryClaim(int streamId, int length, BufferClaim claim) {
    Outbox outbox = find(streamId);
    return outbox != null && outbox.tryClaim(length, claim);
  }

  /** Whether an inbox with this stream id is open. */
  public boolean isOpen(int streamId) {
    return find(streamId) != null;
  }

  /** Whether the inbox with this stream id can be sent to: the driver has made the way to it. */
  public boolean isConnected(int streamId) {
    Outbox outbox = find(streamId);
    return outbox != null && outbox.isConnected();
  }

  /** Whether every inbox has read all it was sent, or will read nothing any more. */
  public boolean isRead() {
    boolean isRead = ended.isEmpty();
    for (int i = 0, size = outboxes.size(); i < size && isRead; i++) {
      isRead = outboxes.get(i).isRead();
    }
    return isRead;
  }

  @Override
  public void close() {
    CloseHelper.closeAll(outboxes);
    CloseHelper.closeAll(ended);
    outboxes.clear();
    ended.clear();
  }

  /** Whoever has read enough makes room, or has the driver do so, and may have done so before. */
  private void wantRoom() {
    doorbells.wantRoom();
    for (int i = 0, size = outboxes.size(); i < size; i++) {
      if (outboxes.get(i).isLimitStale()) {
        doorbells.ringDriver();
        return;
      }
    }
  }

  private void ring() {
    if (unrungFrames > 0) {
      unrungFrames = 0;
      for (int i = 0, size = outboxes.size(); i < size; i++) {
        outboxes.get(i).ring(doorbells);
      }
    }
  }

  /**
   * The index of the inbox with the fewest unread frames, the next one in turn among equals; -1 if
   * none has room.
   */
  private int shortestQueue(int frames, long avoidedInbox, boolean isPreferred) {
    int size = outboxes.size();
    int shortest = -1;
    long fewest = Long.MAX_VALUE;
    for (int i = 1; i <= size; i++) {
      // Several outboxes may be gone since the cursor was set.
      int index = (cursor + i) % size;
      Outbox outbox = outboxes.get(index);
      if (outbox.inbox().registrationId() == avoidedInbox) {
        continue;
      }
      long queue = outbox.queue(frames, isPreferred);
      if (queue >= 0 && queue < fewest) {
        fewest = queue;
        shortest = index;
      }
    }
    return shortest;
  }

  private Outbox newOutbox(RemoteInbox inbox) {
    return new Outbox(aeron, channel, payloads, inbox, nowNanos);
  }

  private Outbox find(int streamId) {
    for (int i = 0, size = outboxes.size(); i < size; i++) {
      Outbox outbox = outboxes.get(i);
      if (outbox.inbox().streamId() == streamId) {
        return outbox;
      }
    }
    return null;
  }

  private final class Follower implements InboxWatch.Listener {
    @Override
    public void onOpen(RemoteInbox inbox) {
      outboxes.add(newOutbox(inbox));
      onChange.onOpen(inbox);
    }

    @Override
    public void onLeaving(RemoteInbox inbox) {
      for (int i = outboxes.size() - 1; i >= 0; i--) {
        if (outboxes.get(i).inbox().equals(inbox)) {
          Outbox outbox = outboxes.remove(i);
          // The inbox reads to the end of the stream and is drained.
          outbox.end();
          ended.add(outbox);
        }
      }
      onChange.onLeaving(inbox);
    }

    @Override
    public void onLost(RemoteInbox inbox) {
      for (int i = ended.size() - 1; i >= 0; i--) {
        if (ended.get(i).inbox().equals(inbox)) {
          ended.remove(i).close();
        }
      }
      onChange.onLost(inbox);
    }
  }
}
