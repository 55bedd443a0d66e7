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

/**
 * A sender's end of one inbox: an exclusive publication, and the slots that its messages refer to.
 */
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

  /** Null while there is no publication, and always without payloads. */
  private SlotFile slotFile;

  /** Null while the publication is not connected. */
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

  /** Continues to connect or, once connected, measures how fast the inbox reads. */
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
   * Frames that the inbox has not read yet; -1 if it should not get this many more now.
   *
   * @param isPreferred whether the inbox gets them even if it has enough, as long as there is room
   */
  long queue(int frames, boolean isPreferred) {
    if (backlog == null || publication.availableWindow() <= 0) {
      return -1;
    }
    long unread = backlog.unreadFrames();
    boolean hasRoom = unread + frames <= slots().count() && !backlog.isFull();
    return hasRoom && (isPreferred || !backlog.isEnough(unread)) ? unread : -1;
  }

  /** Whether there is no room until the driver moves the limit. */
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

  /** Claims room in the log. The caller commits or aborts the claim. */
  boolean tryClaim(int length, BufferClaim claim) {
    if (publication == null) {
      return false;
    }
    long claimed = publication.tryClaim(length, claim);
    if (claimed == Publication.ADMIN_ACTION) {
      // The term was full. The next one is ready now.
      claimed = publication.tryClaim(length, claim);
    }
    if (claimed > 0) {
      position = claimed;
      return true;
    }
    // A publication has 2^31 terms, which last a month or more at full speed.
    isWornOut = claimed == Publication.MAX_POSITION_EXCEEDED;
    return false;
  }

  /** Wakes the inbox's owner if it was sent a batch since the last wake-up. */
  void ring(Doorbells doorbells) {
    if (isRingDue) {
      isRingDue = false;
      doorbells.ring(inbox.doorbell());
    }
  }

  /** Whether the log is used up, so that another publication must replace it. */
  boolean isWornOut() {
    return isWornOut;
  }

  /** Where this sender writes payloads for the inbox. */
  FrameSlots slots() {
    return slotFile.slots();
  }

  /** The payload number of the next claim. Payloads for this inbox are counted from 0. */
  long nextNumber() {
    return nextNumber;
  }

  /** Ends the stream. The slots stay, because the inbox needs them until it has read to the end. */
  void end() {
    if (publication != null) {
      publication.close();
    } else if (pendingRegistrationId != Aeron.NULL_VALUE) {
      aeron.asyncRemovePublication(pendingRegistrationId);
      pendingRegistrationId = Aeron.NULL_VALUE;
    }
  }

  /** Whether the inbox has read all that it was sent, or will read nothing more. */
  boolean isRead() {
    return backlog == null || backlog.hasRead(position);
  }

  /** Ends the stream if it has not ended, and gives up the slots. */
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
