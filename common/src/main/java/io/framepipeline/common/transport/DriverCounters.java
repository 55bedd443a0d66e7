package io.framepipeline.common.transport;

import io.framepipeline.common.config.ExitCode;
import io.framepipeline.common.config.ExitException;
import io.framepipeline.common.topology.InstanceCounts;
import io.framepipeline.common.topology.Stage;
import java.util.Optional;
import org.agrona.concurrent.status.CountersReader;

/**
 * Checks whether the media driver has enough counters. Without this check, too few counters show
 * only as logs that the driver refuses again and again.
 */
public final class DriverCounters {
  /** The number that {@code config/driver.properties} sets. */
  private static final int COUNT = 8192;

  /** Counters of the driver itself: 46 with Aeron 1.51. */
  static final int OF_DRIVER = 64;

  /** An instance's heartbeat and its inbox. */
  static final int PER_INSTANCE = 2;

  /** The sender's limit, the sender's position and the receiver's position. */
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

  /** A warning if the counters are too few for the present instances and one that joins. */
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
   * The counters that all instances take, plus those of one more instance of each stage. The driver
   * reuses a dead instance's counters only after a minute, see {@code
   * aeron.counters.free.to.reuse.timeout}.
   */
  static long needed(InstanceCounts instances) {
    InstanceCounts more = instances.plusOneOfEach();
    long logs = more.answerLogs() + Stage.ALL.stream().mapToLong(more::frameLogs).sum();
    return OF_DRIVER + (long) PER_INSTANCE * more.total() + PER_LOG * logs;
  }
}
