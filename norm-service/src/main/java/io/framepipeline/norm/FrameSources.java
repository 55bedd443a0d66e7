package io.framepipeline.norm;

import java.util.ArrayList;
import java.util.List;
import org.agrona.collections.Int2ObjectHashMap;

/**
 * The readers whose frames a norm instance has seen of late. Outlives the connection to a driver.
 */
final class FrameSources {
  /** Each takes some 40 KiB. */
  static final int LIMIT = 1024;

  private final Int2ObjectHashMap<FrameSource> byId = new Int2ObjectHashMap<>();
  private final List<FrameSource> all = new ArrayList<>();
  private FrameSource latest;

  /** The source of this id, newly made if need be; null if there are too many. */
  FrameSource of(int sourceId, int ackStreamId, long nowNanos) {
    if (latest != null && latest.sourceId() == sourceId) {
      return latest;
    }
    FrameSource source = byId.get(sourceId);
    if (source == null) {
      if (all.size() == LIMIT) {
        return null;
      }
      source = new FrameSource(sourceId, ackStreamId, nowNanos);
      byId.put(sourceId, source);
      all.add(source);
    }
    latest = source;
    return source;
  }

  /** Every source, for a loop by index, which allocates nothing. */
  List<FrameSource> all() {
    return all;
  }

  /** Drops the sources of which nothing more will come. */
  void forget(long nowNanos) {
    for (int i = all.size() - 1; i >= 0; i--) {
      FrameSource source = all.get(i);
      if (source.isForgotten(nowNanos)) {
        all.remove(i);
        byId.remove(source.sourceId());
        latest = null;
      }
    }
  }

  /** The driver is lost, and every reader's inbox with it. */
  void onDisconnected() {
    for (FrameSource source : all) {
      source.onDisconnected();
    }
  }
}
