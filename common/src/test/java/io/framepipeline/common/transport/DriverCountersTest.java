package io.framepipeline.common.transport;

import static io.framepipeline.common.topology.TestTopology.instances;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.framepipeline.common.config.ExitCode;
import io.framepipeline.common.config.ExitException;
import io.framepipeline.common.topology.InstanceCounts;
import io.framepipeline.common.topology.Stage;
import io.framepipeline.common.topology.TestTopology;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

@Timeout(value = 1, unit = TimeUnit.MINUTES)
class DriverCountersTest {
  private static final Channels CHANNELS = Channels.of(Channels.DEFAULT);

  /** What the three stages need, one more of each included; 28 of each fit, 29 do not. */
  @ParameterizedTest
  @CsvSource({
    "1, 1, 1, 112",
    "1, 64, 36, 8099",
    "64, 20, 10, 7191",
    "28, 28, 28, 7807",
    "29, 29, 29, 8344"
  })
  void shouldCountALogPerSenderAndInbox(int readers, int middles, int norms, int counters) {
    // Each instance of a further stage has two, and three for a log to each of the next stage.
    int each = middles + 1;
    int ofFurther = TestTopology.FURTHER.size() * (2 * each + 3 * each * each);

    assertThat(DriverCounters.needed(instances(readers, middles, norms)))
        .isEqualTo(counters + ofFurther);
  }

  @Test
  void shouldRefuseMoreInstancesThanADriverHasCountersFor() {
    int readers = 1;
    while (DriverCounters.needed(instances(readers + 1, 1, 1)) <= 8192) {
      readers++;
    }
    DriverCounters.requireEnoughFor(instances(readers, 1, 1));

    InstanceCounts tooMany = instances(readers + 1, 1, 1);
    assertThatExceptionOfType(ExitException.class)
        .isThrownBy(() -> DriverCounters.requireEnoughFor(tooMany))
        .withMessage(
            "the media driver has 8192 counters, but %s need %s; run fewer instances",
            tooMany, DriverCounters.needed(tooMany))
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
}
