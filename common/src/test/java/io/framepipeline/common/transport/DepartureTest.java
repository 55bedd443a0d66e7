package io.framepipeline.common.transport;

import static org.assertj.core.api.Assertions.assertThat;

import io.framepipeline.common.topology.Stage;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Who may leave when some or all are told to stop. */
@Timeout(60)
class DepartureTest {
  private static final Channels CHANNELS = Channels.of(Channels.DEFAULT);

  /** Enough for two looks at who is there. */
  private static final Duration SOON = Duration.ofMillis(60);

  private static final Duration NOTICE = Duration.ofMillis(500);
  private static final Duration LONG = Duration.ofSeconds(10);

  private final SteppedDriver driver = new SteppedDriver();
  private final long startNanos = driver.nanoTime();

  @AfterEach
  void closeDriver() {
    driver.close();
  }

  @ParameterizedTest
  @EnumSource(names = {"RECIPROCAL", "NORM"})
  void shouldWorkOnAloneWhileAReaderIsEnding(Stage stage) {
    Instance reader = start(Stage.READER);
    Instance last = start(stage);
    last.stop();
    driver.stepFor(NOTICE.dividedBy(2));
    reader.stop();
    driver.stepFor(LONG);
    assertThat(last.isDue).isFalse();

    reader.end();
    driver.stepFor(SOON);
    assertThat(last.isDue).isTrue();
  }

  /** The reader waits, and loses nothing. */
  @Test
  void shouldLeaveAfterANoticeIfNoReaderIsEnding() {
    start(Stage.READER);
    Instance norm = start(Stage.NORM);
    norm.stop();
    driver.stepFor(NOTICE.minus(SOON));
    assertThat(norm.isDue).isFalse();
    driver.stepFor(SOON.multipliedBy(2));
    assertThat(norm.isDue).isTrue();
  }

  @Test
  void shouldLeaveAtOnceIfNobodyIsThereToWaitFor() {
    Instance norm = start(Stage.NORM);
    driver.stepFor(NOTICE);
    norm.stop();
    driver.step();
    assertThat(norm.isDue).isTrue();
  }

  /** As when the driver was replaced, and those that are ending are not back yet. */
  @Test
  void shouldNotTakeANewConnectionForAnEmptyPipeline() {
    Instance norm = start(Stage.NORM);
    norm.stop();
    driver.stepFor(NOTICE.minus(SOON));
    Instance reader = start(Stage.READER);
    reader.stop();
    driver.stepFor(LONG);
    assertThat(norm.isDue).isFalse();
  }

  @Test
  void shouldLeaveAtOnceIfAnotherOfTheStageStays() {
    Instance reader = start(Stage.READER);
    Instance leaving = start(Stage.NORM);
    Instance staying = start(Stage.NORM);
    reader.stop();
    leaving.stop();
    driver.stepFor(SOON);
    assertThat(leaving.isDue).isTrue();

    // The one that is told last has no other to leave it to.
    staying.stop();
    driver.stepFor(LONG);
    assertThat(staying.isDue).isFalse();
  }

  @Test
  void shouldStayIfTheOtherOfTheStageIsDead() {
    Instance reader = start(Stage.READER);
    Instance last = start(Stage.NORM);
    start(Stage.NORM).peer.kill();
    reader.stop();
    last.stop();
    driver.stepFor(Duration.ofSeconds(2));
    assertThat(driver.inboxCount(Stage.NORM)).as("the driver knows nothing yet").isEqualTo(2);
    assertThat(last.isDue).isFalse();
  }

  @Test
  void shouldNotAllLeaveWhenToldInTheSameMoment() {
    Instance reader = start(Stage.READER);
    List<Instance> norms = List.of(start(Stage.NORM), start(Stage.NORM), start(Stage.NORM));
    reader.stop();
    norms.forEach(Instance::stop);
    driver.stepFor(LONG);
    assertThat(norms).anyMatch(norm -> !norm.isDue);

    reader.end();
    driver.stepFor(SOON);
    assertThat(norms).allMatch(norm -> norm.isDue);
  }

  @Test
  void shouldNotWaitForAReaderThatIsKilledWhileItIsEnding() {
    Instance reader = start(Stage.READER);
    Instance norm = start(Stage.NORM);
    reader.stop();
    norm.stop();
    driver.stepFor(NOTICE);
    assertThat(norm.isDue).isFalse();

    reader.peer.kill();
    driver.stepFor(SOON);
    assertThat(driver.inboxCount(Stage.READER)).as("the driver knows nothing yet").isOne();
    assertThat(norm.isDue).isTrue();
  }

  @Test
  void shouldLeaveANormToReciprocalsThatHaveNotHandedOnAll() {
    start(Stage.READER);
    Instance reciprocal = start(Stage.RECIPROCAL);
    Instance norm = start(Stage.NORM);
    reciprocal.stop();
    norm.stop();
    driver.stepUntil("the reciprocal's leave", () -> reciprocal.isDue);
    reciprocal.inbox.inbox().leave(driver.nanoTime());
    driver.stepFor(Duration.ofSeconds(2));
    reciprocal.inbox.inbox().drained();
    driver.stepFor(Duration.ofSeconds(2));
    assertThat(norm.isDue).isFalse();

    reciprocal.end();
    driver.stepFor(SOON);
    assertThat(norm.isDue).isTrue();
  }

  @Test
  void shouldNotWaitForever() {
    Instance reader = start(Stage.READER);
    Instance norm = start(Stage.NORM);
    reader.stop();
    norm.stop();
    driver.stepFor(Duration.ofSeconds(20).minus(SOON));
    assertThat(norm.isDue).isFalse();
    driver.stepFor(SOON.multipliedBy(2));
    assertThat(norm.isDue).isTrue();
  }

  /** So that whoever is told last has the driver until it is gone. */
  @Test
  void shouldKeepTheDriverUntilEveryStageHasEnded() {
    Instance reader = start(Stage.READER);
    Instance norm = start(Stage.NORM);
    DriverDeparture departure = new DriverDeparture();
    reader.stop();
    norm.stop();
    driver.stepFor(LONG);
    reader.end();
    driver.stepFor(LONG);
    assertThat(departure.isDue).isFalse();

    norm.inbox.inbox().leave(driver.nanoTime());
    driver.stepFor(SOON);
    assertThat(departure.isDue).isFalse();
    norm.end();
    driver.stepFor(SOON);
    assertThat(departure.isDue).isTrue();
  }

  @Test
  void shouldKeepTheDriverNoLongerThanANoticeIfItAloneIsToldToStop() {
    start(Stage.READER);
    DriverDeparture departure = new DriverDeparture();
    driver.stepFor(NOTICE.minus(SOON));
    assertThat(departure.isDue).isFalse();
    driver.stepFor(SOON.multipliedBy(2));
    assertThat(departure.isDue).isTrue();
  }

  @Test
  void shouldKeepTheDriverForNobodyDead() {
    Instance reader = start(Stage.READER);
    driver.stepFor(NOTICE);
    reader.stop();
    reader.peer.kill();
    DriverDeparture departure = new DriverDeparture();
    driver.stepFor(SOON);
    assertThat(driver.inboxCount(Stage.READER)).isOne();
    assertThat(departure.isDue).isTrue();
  }

  private Instance start(Stage stage) {
    return new Instance(stage);
  }

  /** A process of a stage, as far as the others can tell. */
  private final class Instance {
    private final Stage stage;
    private final SteppedDriver.Peer peer = driver.startPeer();
    private final long connectedNanos = driver.nanoTime();
    private final RecordingInbox inbox;
    private boolean isDue;

    Instance(Stage stage) {
      this.stage = stage;
      this.inbox = RecordingInbox.open(peer.connection(), CHANNELS.frames(), stage, 1);
    }

    void stop() {
      inbox.inbox().announceStop();
      long nowNanos = driver.nanoTime();
      Departure departure =
          Departure.ofStage(stage, peer.connection(), connectedNanos, nowNanos, nowNanos);
      peer.run(
          now -> {
            isDue |= departure.isDue(now);
            return 0;
          });
    }

    void end() {
      inbox.close();
      peer.close();
    }
  }

  /** Of a driver that was told to stop when this was made. */
  private final class DriverDeparture {
    private boolean isDue;

    DriverDeparture() {
      SteppedDriver.Peer peer = driver.startPeer();
      Departure departure =
          Departure.ofDriver(
              peer.aeron().countersReader(),
              peer.connection().liveness(),
              startNanos,
              driver.nanoTime());
      peer.run(
          now -> {
            isDue |= departure.isDue(now);
            return 0;
          });
    }
  }
}
