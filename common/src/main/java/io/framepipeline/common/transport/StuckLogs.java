package io.framepipeline.common.transport;

import io.aeron.Image;
import io.aeron.Subscription;
import io.aeron.exceptions.RegistrationException;
import io.aeron.logbuffer.ControlledFragmentHandler;
import io.aeron.logbuffer.ControlledFragmentHandler.Action;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Gives up the log of a sender that died inside a claim. The driver repairs such a log only for a
 * receiver that had read everything when the driver found the sender dead. For other receivers the
 * log has no readable end. Nothing lies behind the claim, and the reader redelivers its frames.
 */
final class StuckLogs {
  private static final Logger LOG = LoggerFactory.getLogger(StuckLogs.class);

  /** Longer than the second that the driver waits between its own attempts to repair a log. */
  private static final long STUCK_NANOS = TimeUnit.SECONDS.toNanos(3);

  private final ControlledFragmentHandler probe =
      (buffer, offset, length, header) -> {
        isReadable = true;
        return Action.ABORT;
      };
  private boolean isReadable;
  private Image suspect;
  private long suspectSinceNanos;

  /** Looks for a stuck log, and gives it up if it has been stuck for long enough. */
  void check(Subscription subscription, long nowNanos) {
    Image found = null;
    for (int i = 0, count = subscription.imageCount(); i < count && found == null; i++) {
      Image image = subscription.imageAtIndex(i);
      boolean isSenderGone = image.endOfStreamPosition() != Long.MAX_VALUE;
      if (isSenderGone && !image.isEndOfStream() && !isReadable(image)) {
        found = image;
      }
    }
    if (found != suspect) {
      suspect = found;
      suspectSinceNanos = nowNanos;
    } else if (found != null && nowNanos - suspectSinceNanos >= STUCK_NANOS) {
      suspect = null;
      drop(found);
    }
  }

  /** Whether there is a message. The probe's handler aborts, so the message stays unread. */
  private boolean isReadable(Image image) {
    isReadable = false;
    image.controlledPoll(probe, 1);
    return isReadable;
  }

  private static void drop(Image image) {
    LOG.warn(
        "dropping the log of a sender that died inside a claim: session {}, {} bytes unreadable",
        image.sessionId(),
        image.endOfStreamPosition() - image.position());
    try {
      image.reject("stuck in a claim that its sender left half-made");
    } catch (RegistrationException e) {
      // The driver has just dropped it itself.
      LOG.debug("not rejected: {}", e.getMessage());
    }
  }
}
