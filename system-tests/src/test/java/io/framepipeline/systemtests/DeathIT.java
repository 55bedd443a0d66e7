package io.framepipeline.systemtests;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.framepipeline.common.metrics.StageStats;
import io.framepipeline.common.topology.Stage;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
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

/** Instances that die at the worst moment, or together, and what becomes of their frames. */
@Timeout(value = 5, unit = TimeUnit.MINUTES)
class DeathIT {
  private static final int FRAMES = 3000;

  @TempDir private Path directory;

  @ParameterizedTest
  @EnumSource(names = {"RECIPROCAL", "NORM"})
  void shouldLoseNothingWhenAnInstanceDiesWithAFrameInItsHands(Stage stage) throws Exception {
    byte[] bytes = Reference.frames(FRAMES, 2);
    Path file = Files.write(directory.resolve("frames.bin"), bytes);
    // In a reciprocal that is inside its claim in a norm's inbox.
    FaultInjection faults = new FaultInjection(directory).haltOnce(stage, FRAMES / 2);
    try (PipelineProcess run =
            PipelineProcess.run(
                directory,
                faults.environment(Map.of()),
                "--source",
                file.toString(),
                "--print",
                "all");
        LedgerSampler ledger = LedgerSampler.of(run)) {
      assertThat(run.awaitExit()).isZero();
      ledger.assertAlwaysAddedUp();
      run.assertNothingLost(FRAMES);
      assertThat(run.report().get("framesRedelivered").asLong()).isPositive();
      assertThat(run.err()).contains(stage.label()).contains("died with exit code 137");
      Reference.assertPrinted(run.out(), bytes);
    }
  }

  @ParameterizedTest
  @EnumSource(names = {"RECIPROCAL", "NORM"})
  void shouldLoseNothingWhenAllInstancesOfAStageAreKilledAtOnce(Stage stage) throws Exception {
    try (PipelineProcess run =
            PipelineProcess.run(directory, "--" + stage.label() + "s", "2", "--rate", "10000");
        LedgerSampler ledger = LedgerSampler.of(run)) {
      run.awaitAcknowledged(5000);
      List<ProcessHandle> victims = run.services(stage);
      assertThat(victims).hasSize(2);
      PipelineProcess.signal(victims, "KILL");
      await()
          .atMost(PipelineProcess.LIMIT)
          .until(() -> victims.stream().noneMatch(ProcessHandle::isAlive));
      run.awaitFurtherAcknowledged(20_000);
      assertThat(run.services(stage)).hasSize(2).doesNotContainAnyElementsOf(victims);
      run.assertDrains();
      ledger.assertAlwaysAddedUp();
    }
  }

  @Test
  void shouldGoOnWithTheFramesOfAReaderThatIsKilledBesideAnother() throws Exception {
    byte[] bytes = Reference.frames(FRAMES, 3);
    Path file = Files.write(directory.resolve("frames.bin"), bytes);
    Path results = directory.resolve("norms.txt");
    // The norm is slower than the readers, so that frames are in flight.
    FaultInjection faults = new FaultInjection(directory).slow(Stage.NORM, 700);
    try (PipelineProcess run =
        PipelineProcess.run(
            directory,
            faults.environment(Map.of()),
            "--readers=2",
            "--rate=1000",
            "--source=" + file,
            "--results=" + results)) {
      await().atMost(PipelineProcess.LIMIT).until(() -> run.services(Stage.READER).size() == 2);
      ProcessHandle victim = run.services(Stage.READER).getFirst();
      ProcessHandle survivor = run.services(Stage.READER).getLast();
      StageStats victimStats = run.stats(victim);
      try (LedgerSampler ledgerOfVictim = LedgerSampler.of(run, victim);
          LedgerSampler ledgerOfSurvivor = LedgerSampler.of(run, survivor)) {
        await()
            .atMost(PipelineProcess.LIMIT)
            .until(() -> victimStats.ledger.read().framesAcknowledged() >= FRAMES / 5);
        PipelineProcess.signal(victim.pid(), "KILL");
        assertThat(run.awaitExit()).isZero();
        ledgerOfVictim.assertAlwaysAddedUp();
        ledgerOfSurvivor.assertAlwaysAddedUp();
      }
      assertThat(victimStats.ledger.read().framesInFlight()).isPositive();
      run.assertNothingLost(2 * FRAMES);
      assertThat(run.err()).contains("reader").contains("died with exit code 137");
      PrintedNorms printed =
          new PrintedNorms(
              Stream.of(results, directory.resolve("norms.1.txt"))
                  .flatMap(DeathIT::lines)
                  .toList());
      assertThat(printed.readers()).containsExactly(0, 1);
      assertThat(printed.frames(0)).isEqualTo(FRAMES);
      assertThat(printed.frames(1)).isEqualTo(FRAMES);
      printed.assertRight(bytes);
    }
  }

  @Test
  void shouldLoseNothingWhenAReaderDiesInsideAClaim() throws Exception {
    byte[] bytes = Reference.frames(FRAMES, 4);
    Path file = Files.write(directory.resolve("frames.bin"), bytes);
    Path results = directory.resolve("norms.txt");
    FaultInjection faults = new FaultInjection(directory).haltOnce(Stage.READER, FRAMES / 2);
    try (PipelineProcess run =
        PipelineProcess.run(
            directory, faults.environment(Map.of()), "--source=" + file, "--results=" + results)) {
      assertThat(run.awaitExit()).isZero();
      assertThat(run.err()).contains("reader").contains("died with exit code 137");
      run.assertNothingLost(FRAMES);
      Reference.assertPrinted(Files.readAllLines(results), bytes);
    }
  }

  private static Stream<String> lines(Path file) {
    try {
      return Files.readAllLines(file).stream();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
