package io.framepipeline.common.transport;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.agrona.BufferUtil;
import org.agrona.collections.Int2ObjectHashMap;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The slots of an inbox's senders, by session. They are mapped at a session's first message, and
 * unmapped with the session's image.
 *
 * <p>A sender without slots is gone, or not one of this pipeline; its messages are skipped. But if
 * this process is the one that cannot map the slots, it must not skip what other instances could
 * compute. Its queue would be the shortest of all, so it would be sent the most.
 */
final class SenderSlots implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(SenderSlots.class);
  private static final long RETRY_NANOS = TimeUnit.MILLISECONDS.toNanos(20);

  /** Less than the 2 s after which the frames that wait here are overdue. */
  private static final long UNABLE_NANOS = TimeUnit.SECONDS.toNanos(1);

  private final Path aeronDirectory;
  private final int streamId;
  private final int payloadLength;
  private final Int2ObjectHashMap<FrameSlots> bySession = new Int2ObjectHashMap<>();

  /** The slots of a sender that has none. */
  private final FrameSlots none;

  private boolean areSomeMissing;

  /** Why slots cannot be mapped, for which session and since when; null if all can be mapped. */
  private IOException failure;

  private int failedSessionId;
  private long failingSinceNanos;
  private long retryNanos;
  private boolean isUnable;

  SenderSlots(Path aeronDirectory, int streamId, int payloadLength) {
    this.aeronDirectory = aeronDirectory;
    this.streamId = streamId;
    this.payloadLength = payloadLength;
    this.none = FrameSlots.inMemory(1, payloadLength);
  }

  /**
   * The slots of a session; slots that hold nothing if it has none.
   *
   * @return null while this process cannot map them
   */
  FrameSlots of(int sessionId, long nowNanos) {
    FrameSlots known = bySession.get(sessionId);
    return known != null ? known : map(sessionId, nowNanos);
  }

  /** Why this process cannot map slots, if that has lasted so long that the process should end. */
  IOException failure() {
    return isUnable ? failure : null;
  }

  /** Forgets which sessions had no slots, so that they are looked for again. */
  void forgetMissing() {
    if (areSomeMissing) {
      areSomeMissing = false;
      bySession.values().removeIf(slots -> slots == none);
    }
  }

  void unmap(int sessionId) {
    FrameSlots mapped = bySession.remove(sessionId);
    if (mapped != null && mapped != none) {
      BufferUtil.free(mapped.memory());
    }
    endFailure(sessionId);
  }

  @Override
  public void close() {
    List.copyOf(bySession.keySet()).forEach(this::unmap);
  }

  private FrameSlots map(int sessionId, long nowNanos) {
    if (failure != null && nowNanos - retryNanos < 0) {
      return null;
    }
    try {
      FrameSlots found =
          SlotFile.map(SlotFile.pathFor(aeronDirectory, streamId, sessionId), payloadLength);
      areSomeMissing |= found == null;
      FrameSlots mapped = found == null ? none : found;
      bySession.put(sessionId, mapped);
      endFailure(sessionId);
      return mapped;
    } catch (IOException e) {
      if (failure == null) {
        LOG.warn("cannot map the slots of session {}, trying again: {}", sessionId, e.toString());
        failedSessionId = sessionId;
        failingSinceNanos = nowNanos;
      }
      failure = e;
      retryNanos = nowNanos + RETRY_NANOS;
      isUnable = nowNanos - failingSinceNanos >= UNABLE_NANOS;
      return null;
    }
  }

  private void endFailure(int sessionId) {
    if (sessionId == failedSessionId) {
      failure = null;
      isUnable = false;
    }
  }
}
