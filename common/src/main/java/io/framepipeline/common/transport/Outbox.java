package io.framepipeline.common.transport;

import io.aeron.Aeron;
import io.aeron.ExclusivePublication;
import io.aeron.Publication;
import io.aeron.exceptions.RegistrationException;
import io.aeron.logbuffer.BufferClaim;
import io.framepipeline.common.transport.InboxWatch.RemoteInbox;
import io.framepipeline.common.wire.Frames;
import java.io.IOException;
import java.nio.file.Path;
import org.agrona.CloseHelper;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** A sender's way to one inbox: an exclusive publication, and the slots that it refers to. */
final class Outbox implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(Outbox.class);
  private static final long RETRY_NANOS = 20 * InboxWatch.INTERVAL_NANOS;

  private final Aeron aeron;
  private final String channel;
  private final Payloads payloads;
  private final Path aeronDirectory;
  private final RemoteInbox inbox;

  /** Null until the driver has made it. */
  private ExclusivePublication publication;

  /** Null until there is a publication, and without payloads. */
  private SlotFile slotFile;

  /** Null while there is nothing to send to. */
  private Backlog backlog;

  private long pendingRegistrationId = Aeron.NULL_VALUE;
  private long retryNanos;
  private long position;
  private long nextNumber;
  private boolean isOpen;
  private boolean isWornOut;
  private boolean isRingDue;

  Outbox(Aeron aeron, String channel, Payloads payloads, RemoteInbox inbox, long nowNanos) {
    this.aeron = aeron;
    this.channel = channel;
    this.payloads = payloads;
    this.aeronDirectory = Path.of(aeron.context().aeronDirectoryName());
    this.inbox = inbox;
    this.retryNanos = nowNanos;
  }

  RemoteInbox inbox() {
    return inbox;
  }

  /** Goes on connecting, or measures how fast the inbox reads. */
  void doWork(long nowNanos) {
    if (!isOpen) {
      open(nowNanos);
    } else if (!publication.isConnected()) {
      backlog = null;
    } else if (backlog == null) {
      int maxFrames = slotFile == null ? 1 : slots().count();
      backlog = Backlog.of(publication, aeron.countersReader(), maxFrames, nowNanos);
    } else {
      backlog.measure(nowNanos);
    }
  }

  boolean isConnected() {
    return backlog != null;
  }

  /**
   * Frames that the inbox has yet to read; -1 if it is not to get so many more now.
   *
   * @param isPreferred whether it is to get them even if it has enough, as long as there is room
   */
  long queue(int frames, boolean isPreferred) {
    if (backlog == null || publication.availableWindow() <= 0) {
      return -1;
    }
    long unread = backlog.unreadFrames();
    boolean hasRoom = unread + frames <= slots().count() && !backlog.isFull();
    return hasRoom && (isPreferred || !backlog.isEnough(unread)) ? unread : -1;
  }

  /** Whether only the driver, by moving the limit, can make room. */
  boolean isLimitStale() {
    return backlog != null && backlog.isLimitStale();
  }

  /** Claims slots for a batch of frames, and room in the log for its message. */
  boolean tryClaimBatch(int frames, BufferClaim claim) {
    if (!tryClaim(Frames.MESSAGE_LENGTH, claim)) {
      return false;
    }
    isRingDue = true;
    nextNumber += frames;
    backlog.sent(position, frames);
    return true;
  }

  /** Claims room in the log; the caller commits or aborts. */
  boolean tryClaim(int length, BufferClaim claim) {
    if (publication == null) {
      return false;
    }
    long claimed = publication.tryClaim(length, claim);
    if (claimed == Publication.ADMIN_ACTION) {
      // The term was full; the next one is ready now.
      claimed = publication.tryClaim(length, claim);
    }
    if (claimed > 0) {
      position = claimed;
      return true;
    }
    // A publication has 2^31 terms: a month or more at full speed.
    isWornOut = claimed == Publication.MAX_POSITION_EXCEEDED;
    return false;
  }

  /** Wakes the inbox's owner, if it was sent any batch since. */
  void ring(Doorbells doorbells) {
    if (isRingDue) {
      isRingDue = false;
      doorbells.ring(inbox.doorbell());
    }
  }

  /** Whether its log has come to its end, and another has to take over. */
  boolean isWornOut() {
    return isWornOut;
  }

  /** Where payloads go. */
  FrameSlots slots() {
    return slotFile.slots();
  }

  /** The number, among all payloads for this inbox, of the next one that is claimed. */
  long nextNumber() {
    return nextNumber;
  }

  /** Ends the stream. The inbox reads to its end, and needs the slots until then. */
  void end() {
    if (publication != null) {
      publication.close();
    } else if (pendingRegistrationId != Aeron.NULL_VALUE) {
      aeron.asyncRemovePublication(pendingRegistrationId);
      pendingRegistrationId = Aeron.NULL_VALUE;
    }
  }

  /** Whether the inbox has read all it was sent, or will read nothing any more. */
  boolean isRead() {
    return backlog == null || backlog.hasRead(position);
  }

  /** Ends the stream, if it has not ended, and gives up the slots. */
  @Override
  public void close() {
    end();
    CloseHelper.close(slotFile);
  }

  private void open(long nowNanos) {
    if (nowNanos - retryNanos < 0) {
      return;
    }
    try {
      if (publication == null) {
        publication = goOnPublishing();
      }
      if (publication != null) {
        slotFile =
            payloads.open(
                SlotFile.pathFor(aeronDirectory, publication.streamId(), publication.sessionId()));
        isOpen = true;
      }
    } catch (RegistrationException | IOException e) {
      LOG.warn("cannot publish to inbox {}: {}", inbox.streamId(), e.getMessage());
      pendingRegistrationId = Aeron.NULL_VALUE;
      retryNanos = nowNanos + RETRY_NANOS;
    }
  }

  private ExclusivePublication goOnPublishing() {
    if (pendingRegistrationId == Aeron.NULL_VALUE) {
      pendingRegistrationId = aeron.asyncAddExclusivePublication(channel, inbox.streamId());
    }
    ExclusivePublication added = aeron.getExclusivePublication(pendingRegistrationId);
    if (added != null) {
      pendingRegistrationId = Aeron.NULL_VALUE;
    }
    return added;
  }
}
