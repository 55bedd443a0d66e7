package io.framepipeline.common.transport;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.framepipeline.common.config.ExitCode;
import io.framepipeline.common.config.ExitException;
import io.framepipeline.common.topology.InstanceCounts;
import io.framepipeline.common.topology.Stage;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

@Timeout(value = 1, unit = TimeUnit.MINUTES)
class DriverCountersTest {
  private static final Channels CHANNELS = Channels.of(Channels.DEFAULT);

  @ParameterizedTest
  @CsvSource({"1, 1, 1", "64, 20, 10", "28, 28, 28", "1, 64, 36"})
  void shouldAllowWhatADriverHasCountersFor(int readers, int reciprocals, int norms) {
    DriverCounters.requireEnoughFor(instances(readers, reciprocals, norms));
  }

  @ParameterizedTest
  @CsvSource({"32, 32, 32", "64, 64, 1", "64, 64, 64"})
  void shouldRefuseMoreInstancesThanADriverHasCountersFor(int readers, int reciprocals, int norms) {
    InstanceCounts instances = instances(readers, reciprocals, norms);

    assertThatExceptionOfType(ExitException.class)
        .isThrownBy(() -> DriverCounters.requireEnoughFor(instances))
        .withMessage(
            "the media driver has 8192 counters, but %s need %s; run fewer instances",
            instances, DriverCounters.needed(instances))
        .satisfies(e -> assertThat(e.exitCode()).isEqualTo(ExitCode.USAGE));
  }

  /** Two reciprocals and a sender to them, which has no inbox. */
  @Test
  void shouldKnowWhatADriverAllocates() {
    try (SteppedDriver driver = new SteppedDriver()) {
      SteppedDriver.Peer peer = driver.startPeer();
      int before = allocated(peer);
      openInbox(peer);
      openInbox(driver.startPeer());
      TestSender sender = TestSender.connect(driver, CHANNELS.frames(), Stage.RECIPROCAL);
      driver.stepUntil("both inboxes", () -> sender.opened().size() == 2);
      driver.stepFor(Duration.ofSeconds(1));

      assertThat(before).isLessThanOrEqualTo(DriverCounters.OF_DRIVER);
      int ofInstancesButAnInbox = 3 * DriverCounters.PER_INSTANCE - 1;
      assertThat(allocated(peer) - before)
          .isEqualTo(ofInstancesButAnInbox + 2 * DriverCounters.PER_LOG);
    }
  }

  private static void openInbox(SteppedDriver.Peer peer) {
    RecordingInbox inbox =
        peer.own(RecordingInbox.open(peer.connection(), CHANNELS.frames(), Stage.RECIPROCAL, 100));
    peer.run(nowNanos -> inbox.poll(0));
  }

  private static int allocated(SteppedDriver.Peer peer) {
    int[] count = new int[1];
    peer.aeron().countersReader().forEach((counterId, label) -> count[0]++);
    return count[0];
  }

  private static InstanceCounts instances(int readers, int reciprocals, int norms) {
    return InstanceCounts.of(
        Map.of(Stage.READER, readers, Stage.RECIPROCAL, reciprocals, Stage.NORM, norms));
  }
}
