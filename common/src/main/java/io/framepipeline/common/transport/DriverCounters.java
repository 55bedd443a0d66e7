package io.framepipeline.common.transport;

import io.framepipeline.common.config.ExitCode;
import io.framepipeline.common.config.ExitException;
import io.framepipeline.common.topology.InstanceCounts;
import io.framepipeline.common.topology.Stage;
import java.util.Optional;
import org.agrona.concurrent.status.CountersReader;

/**
 * Whether the media driver has enough counters. Without asking, too few show as logs that the
 * driver refuses again and again.
 */
public final class DriverCounters {
  /** As {@code config/driver.properties} has them. */
  private static final int COUNT = 8192;

  /** Those of the driver itself: 46 with Aeron 1.51. */
  static final int OF_DRIVER = 64;

  /** Its heartbeat and its inbox. */
  static final int PER_INSTANCE = 2;

  /** How far its sender may go and is, and how far its receiver is. */
  static final int PER_LOG = 3;

  private DriverCounters() {}

  /**
   * Refuses more instances than a driver has counters for.
   *
   * @throws ExitException with {@link ExitCode#USAGE}
   */
  public static void requireEnoughFor(InstanceCounts instances) {
    shortage(instances, COUNT)
        .ifPresent(
            line -> {
              throw new ExitException(ExitCode.USAGE, line);
            });
  }

  /** What to tell about an instance that joins if there are too few for it and those there are. */
  public static Optional<String> shortageFor(Stage joining, DriverConnection connection) {
    CountersReader counters = connection.aeron().countersReader();
    return shortage(InboxDirectory.countsWith(joining, connection), counters.maxCounterId() + 1);
  }

  private static Optional<String> shortage(InstanceCounts instances, int available) {
    long needed = needed(instances);
    return available >= needed
        ? Optional.empty()
        : Optional.of(
            "the media driver has %s counters, but %s need %s; run fewer instances"
                .formatted(available, instances, needed));
  }

  /**
   * What all take, and one more of each stage: those of the dead are free again after a minute
   * only, see {@code aeron.counters.free.to.reuse.timeout}.
   */
  static long needed(InstanceCounts instances) {
    InstanceCounts more = instances.plusOneOfEach();
    long logs = more.answerLogs() + Stage.ALL.stream().mapToLong(more::frameLogs).sum();
    return OF_DRIVER + (long) PER_INSTANCE * more.total() + PER_LOG * logs;
  }
}
