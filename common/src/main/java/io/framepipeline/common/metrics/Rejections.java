package io.framepipeline.common.metrics;

import io.framepipeline.common.wire.RejectReason;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Counts the messages that an inbox skips. Logs one of them every ten seconds at most. */
public final class Rejections {
  private static final Logger LOG = LoggerFactory.getLogger(Rejections.class);
  private static final long LOG_INTERVAL_NANOS = TimeUnit.SECONDS.toNanos(10);

  private final StageStats stats;
  private boolean hasLogged;
  private long lastLogNanos;

  public Rejections(StageStats stats) {
    this.stats = stats;
  }

  /** Counts a message that is skipped for this reason. */
  public void count(RejectReason reason, int sessionId, long nowNanos) {
    long count = stats.rejected(reason).incrementRelease() + 1;
    if (!hasLogged || nowNanos - lastLogNanos >= LOG_INTERVAL_NANOS) {
      hasLogged = true;
      lastLogNanos = nowNanos;
      LOG.warn(
          "skipped a message in the inbox: {}; from session {}, {} of this kind so far",
          reason.label(),
          sessionId,
          count);
    }
  }
}
