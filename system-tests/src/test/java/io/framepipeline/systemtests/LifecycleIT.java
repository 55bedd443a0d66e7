package io.framepipeline.systemtests;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.framepipeline.common.topology.Stage;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** How runs end, and that what dies is replaced. */
@Timeout(value = 3, unit = TimeUnit.MINUTES)
class LifecycleIT {
  @TempDir private Path directory;

  @ParameterizedTest
  @ValueSource(strings = {"INT", "TERM", "HUP"})
  void shouldDeliverWhatIsInFlightWhenToldToStop(String signal) throws Exception {
    try (PipelineProcess run = PipelineProcess.run(directory)) {
      run.awaitAcknowledged(1000);
      List<ProcessHandle> processes = run.process().descendants().toList();
      run.signal(signal);
      assertThat(run.awaitExit()).isZero();
      run.assertNothingLost(run.report().get("framesRead").asLong());
      assertThat(run.isGone(processes)).isTrue();
    }
  }

  /** The kernel sends one, and the terminal's shell another. */
  @Test
  void shouldDeliverWhatIsInFlightHoweverOftenTheTerminalHangsUp() throws Exception {
    try (PipelineProcess run = PipelineProcess.run(directory)) {
      run.awaitAcknowledged(1000);
      run.signal("HUP");
      run.signal("HUP");
      assertThat(run.awaitExit()).isZero();
      run.assertNothingLost(run.report().get("framesRead").asLong());
    }
  }

  /** As nohup starts it. */
  @Test
  void shouldOutliveTheTerminalIfItWasStartedWithHangUpsIgnored() throws Exception {
    List<String> nohup = List.of("sh", "-c", "trap '' HUP; exec \"$@\"", "sh");
    try (PipelineProcess run = PipelineProcess.runBy(nohup, directory, Map.of())) {
      run.awaitAcknowledged(1000);
      run.signal("HUP");
      run.awaitFurtherAcknowledged(50_000);
      run.assertDrains();
    }
  }

  @Test
  void shouldStopReadingAfterTheDuration() throws Exception {
    try (PipelineProcess run =
        PipelineProcess.run(directory, "--duration", "0.5", "--rate", "1000")) {
      assertThat(run.awaitExit()).isZero();
      long framesRead = run.report().get("framesRead").asLong();
      run.assertNothingLost(framesRead);
      // By schedule 501 are due; it may be told to stop late, never early.
      assertThat(framesRead).isGreaterThanOrEqualTo(500);
    }
  }

  @Test
  void shouldStopThoughTheSourceIsSilent() throws Exception {
    Path fifo = directory.resolve("silent");
    assertThat(new ProcessBuilder("mkfifo", fifo.toString()).start().waitFor()).isZero();
    try (PipelineProcess run = PipelineProcess.run(directory, "--source", fifo.toString())) {
      run.stats(Stage.READER);
      run.signal("TERM");
      assertThat(run.awaitExit()).isZero();
      run.assertNothingLost(0);
    }
  }

  @Test
  void shouldEndAtOnceWhenToldToStopTwice() throws Exception {
    try (PipelineProcess run = PipelineProcess.run(directory)) {
      run.awaitAcknowledged(1000);
      // With no norm running nothing can be delivered, so the first signal cannot end it.
      run.services(Stage.NORM).forEach(norm -> PipelineProcess.signal(norm.pid(), "STOP"));
      run.signal("TERM");
      await().atMost(PipelineProcess.LIMIT).until(() -> run.services(Stage.READER).size() == 1);
      run.signal("TERM");
      assertThat(run.awaitExit()).isEqualTo(1);
      assertThat(run.report().get("framesLost").asLong()).isPositive();
    }
  }

  @Test
  void shouldRunBesideAnotherRun() throws Exception {
    try (PipelineProcess one = PipelineProcess.run(directory, "--rate", "5000");
        PipelineProcess other = PipelineProcess.run(directory, "--frames", "5000")) {
      one.awaitAcknowledged(100);
      assertThat(other.awaitExit()).isZero();
      other.assertNothingLost(5000);
      one.assertDrains();
    }
  }

  @Test
  void shouldLeaveNothingBehindWhenTheCommandIsKilled() throws Exception {
    try (PipelineProcess run = PipelineProcess.run(directory)) {
      run.awaitAcknowledged(1000);
      List<ProcessHandle> processes = run.process().descendants().toList();
      assertThat(processes).as("services and driver").hasSize(Stage.ALL.size() + 1);
      run.signal("KILL");
      run.awaitExit();
      await().atMost(PipelineProcess.LIMIT).until(() -> run.isGone(processes));
    }
  }

  @ParameterizedTest
  @EnumSource(names = {"RECIPROCAL", "NORM"})
  void shouldLoseNothingWhenAServiceIsKilled(Stage stage) throws Exception {
    try (PipelineProcess run = PipelineProcess.run(directory)) {
      run.awaitAcknowledged(5000);
      ProcessHandle victim = run.services(stage).getFirst();
      PipelineProcess.signal(victim.pid(), "KILL");
      awaitProgressAfterLossOf(run, Stream.of(victim));
      run.assertDrains();
    }
  }

  @Test
  void shouldLoseNothingWhenTheMediaDriverIsKilled() throws Exception {
    try (PipelineProcess run = PipelineProcess.run(directory)) {
      run.awaitAcknowledged(5000);
      ProcessHandle driver = run.processes("DriverService").getFirst();
      PipelineProcess.signal(driver.pid(), "KILL");
      awaitProgressAfterLossOf(run, Stream.of(driver));
      run.assertDrains();
    }
  }

  /** More than a window of frames acknowledged since, so the loss was made good. */
  private static void awaitProgressAfterLossOf(PipelineProcess run, Stream<ProcessHandle> victims) {
    victims.forEach(victim -> await().atMost(PipelineProcess.LIMIT).until(() -> !victim.isAlive()));
    run.awaitFurtherAcknowledged(50_000);
  }
}
