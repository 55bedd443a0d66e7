package io.framepipeline.common.transport;

import io.aeron.Aeron;
import io.aeron.logbuffer.BufferClaim;
import io.framepipeline.common.topology.Stage;
import io.framepipeline.common.transport.InboxWatch.RemoteInbox;
import java.util.ArrayList;
import java.util.List;
import org.agrona.CloseHelper;

/**
 * A sender's publications: one exclusive publication for each open inbox of the next stage. An
 * {@link InboxWatch} keeps them up to date. {@link #tryClaimBatch} sends each batch to the inbox
 * with the fewest unread frames. So a slow instance gets less. It does not delay the others, and no
 * long queue of frames waits for it.
 */
public final class Outboxes implements AutoCloseable {
  /**
   * Slots that a sender has for one inbox, unless it shares one ring among all inboxes, as a reader
   * does. An inbox can have this many unread frames. That keeps it busy while its neighbour sleeps.
   * As floats they take 2 MiB.
   */
  public static final int WINDOW_FRAMES = 128;

  /** While there is more to send, the sender wakes its receivers after this many frames. */
  private static final int RING_FRAMES = 32;

  private final Aeron aeron;
  private final Doorbells doorbells;
  private final String channel;
  private final Payloads payloads;
  private final InboxWatch watch;
  private final InboxWatch.Listener onChange;
  private final List<Outbox> outboxes = new ArrayList<>();

  /** Ended outboxes, kept until their inboxes have read what was sent. */
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
   * @param onChange told of each change after this object has followed it
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
   * Follows the inboxes, and wakes those that were sent batches. It wakes them when this duty cycle
   * sent none, or when many frames were sent since the last wake-up. Waking after each batch would
   * take longer than most batches do. Call this at the end of the sender's duty cycle.
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

  /** The number of inboxes that could be sent to in the last duty cycle. */
  public int connectedCount() {
    return connectedCount;
  }

  /**
   * Claims room for a batch of frames in the inbox with the fewest unread frames. Inboxes with
   * equally many take turns.
   *
   * @return null if there is no room: no inbox is known, or each is full or has enough. Otherwise
   *     the same object each time; the caller closes it before the next claim
   */
  public FrameClaim tryClaimBatch(int frames) {
    return tryClaimBatch(frames, Aeron.NULL_VALUE);
  }

  /**
   * The same for frames that should not go to one inbox, because no answer came from there. Another
   * inbox gets them, even if it has enough. The avoided inbox gets them only if no other has room.
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
   * Claims space in the inbox with this stream id. The caller commits or aborts the claim, and
   * decides whether to wake the receiver.
   */
  public boolean tryClaim(int streamId, int length, BufferClaim claim) {
    Outbox outbox = find(streamId);
    return outbox != null && outbox.tryClaim(length, claim);
  }

  /** Whether an inbox with this stream id is open. */
  public boolean isOpen(int streamId) {
    return find(streamId) != null;
  }

  /**
   * Whether the inbox with this stream id can be sent to: the driver has connected the publication.
   */
  public boolean isConnected(int streamId) {
    Outbox outbox = find(streamId);
    return outbox != null && outbox.isConnected();
  }

  /** Whether every inbox has read all that it was sent, or will read nothing more. */
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

  /**
   * Asks to be woken when there is room. A receiver may have read enough before this call, without
   * waking this process. Then only the driver has to move a limit, so this wakes the driver.
   */
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
   * The index of the inbox with the fewest unread frames; the next one in turn among equals.
   * Returns -1 if none has room.
   */
  private int shortestQueue(int frames, long avoidedInbox, boolean isPreferred) {
    int size = outboxes.size();
    int shortest = -1;
    long fewest = Long.MAX_VALUE;
    for (int i = 1; i <= size; i++) {
      // The cursor may be too large: outboxes may have been removed since it was set.
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
          // The inbox reads to the end of the stream before it is drained.
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
