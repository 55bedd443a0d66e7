package io.framepipeline.systemtests;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.framepipeline.common.topology.Stage;
import io.framepipeline.systemtests.PipelineProcess.Outcome;
import java.io.IOException;
import java.lang.ProcessBuilder.Redirect;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Scaling a running pipeline, and asking how it does. */
@Timeout(value = 3, unit = TimeUnit.MINUTES)
class ScaleIT {
  private static final int USAGE = 64;

  @TempDir private Path directory;

  @Test
  void shouldLoseAndRepeatNothingWhenScaledOutAndIn() throws Exception {
    try (PipelineProcess run = PipelineProcess.run(directory, "--rate", "20000")) {
      run.awaitAcknowledged(1000);
      Map<Long, Long> first = framesByPid(run);

      assertScaled(run, "reader: 2", "reciprocal: 3", "norm: 2");
      Map<Long, Long> scaledOut = framesByPid(run);
      assertThat(scaledOut)
          .hasSize(Stage.ALL.size() + 4)
          .containsKeys(first.keySet().toArray(Long[]::new));
      assertThat(scaledOut.keySet()).allMatch(pid -> ProcessHandle.of(pid).orElseThrow().isAlive());
      await()
          .atMost(PipelineProcess.LIMIT)
          .until(() -> framesByPid(run).values().stream().allMatch(frames -> frames > 1000));

      assertScaled(run, "reader: 1", "reciprocal: 1", "norm: 1");
      assertThat(framesByPid(run)).containsOnlyKeys(first.keySet());
      run.awaitFurtherAcknowledged(10_000);

      run.assertDrains();
      JsonNode report = run.report();
      assertThat(report.get("framesNormed").asLong()).isEqualTo(report.get("framesRead").asLong());
      assertThat(report.get("framesRedelivered").asLong()).isZero();
      assertThat(report.get("framesDuplicate").asLong()).isZero();
      assertThat(report.get("instances").toString())
          .isEqualTo("{\"reader\":1,\"reciprocal\":1,\"norm\":1}");
      assertThat(run.err()).doesNotContain("died").doesNotContain("exit code");
    }
  }

  @Test
  void shouldLeaveCpusToOthersUntilAnInstanceThatJoinsIsReady() throws Exception {
    Surroundings.assume(
        Files.exists(Path.of("/proc/self/autogroup")), "weights", "the kernel has no autogroups");
    try (PipelineProcess run = PipelineProcess.run(directory, "--rate", "20000")) {
      run.awaitAcknowledged(1000);
      assertThat(weights(run)).hasSize(Stage.ALL.size() + 1).containsOnly("nice 0");
      Process scale = PipelineProcess.startCommand("scale", dir(run), "reciprocal=2");
      await().atMost(PipelineProcess.LIMIT).until(() -> weights(run).contains("nice 10"));
      assertThat(scale.waitFor()).isZero();
      await().atMost(PipelineProcess.LIMIT).until(() -> !weights(run).contains("nice 10"));
      assertThat(weights(run)).hasSize(Stage.ALL.size() + 2).containsOnly("nice 0");
      await()
          .atMost(PipelineProcess.LIMIT)
          .until(() -> framesByPid(run).values().stream().allMatch(frames -> frames > 0));
      run.assertDrains();
    }
  }

  @Test
  void shouldGiveEqualInstancesEquallyManyFrames() throws Exception {
    try (PipelineProcess run =
        PipelineProcess.run(directory, "--rate", "20000", "--reciprocals", "3", "--norms", "2")) {
      // By then all are there and compiled.
      run.awaitAcknowledged(200_000);
      JsonNode before = status(run);
      run.awaitAcknowledged(400_000);
      JsonNode after = status(run);
      for (String stage : List.of("reciprocal", "norm")) {
        Collection<Long> frames = differences(frames(before, stage), frames(after, stage));
        assertThat((double) Collections.max(frames) / Collections.min(frames))
            .as("spread of %s over instances of stage %s", frames, stage)
            .isLessThanOrEqualTo(1.2);
      }
    }
  }

  @Test
  void shouldShowTheRunningInstancesAndTheLedger() throws Exception {
    try (PipelineProcess run = PipelineProcess.run(directory, "--rate", "1000")) {
      run.awaitAcknowledged(100);
      JsonNode status = status(run);
      assertThat(status.propertyNames())
          .containsExactly("aeronDir", "driver", "instances", "orphans", "ledger");
      assertThat(status.get("orphans")).isEmpty();
      assertThat(status.get("aeronDir").asString()).isEqualTo(run.aeronDirectory().toString());
      assertThat(status.get("driver").propertyNames()).containsExactly("pid");
      assertThat(status.get("driver").get("pid").asLong())
          .isEqualTo(run.processes("DriverService").getFirst().pid());
      assertThat(status.get("instances"))
          .hasSize(Stage.ALL.size())
          .allSatisfy(
              instance -> {
                assertThat(instance.propertyNames())
                    .containsExactly(
                        "stage", "pid", "uptimeSeconds", "frames", "source", "metricsUrl");
                assertThat(instance.get("uptimeSeconds").asDouble()).isPositive();
                assertThat(instance.get("frames").asLong()).isGreaterThanOrEqualTo(100);
                assertThat(instance.get("metricsUrl").asString())
                    .matches("http://127\\.0\\.0\\.1:\\d+/metrics");
              });
      for (Stage stage : Stage.values()) {
        assertThat(frames(status, stage.label()))
            .containsOnlyKeys(run.services(stage).getFirst().pid());
      }

      Outcome text = PipelineProcess.command(directory, "status", dir(run));
      assertThat(text.exitCode()).isZero();
      assertThat(text.out())
          .contains("reader: 1 running", "reciprocal: 1 running", "norm: 1 running", "frames/s")
          .contains("in flight", "ledger: read");

      run.signal("TERM");
      assertThat(run.awaitExit()).isZero();
      assertThat(status.get("ledger").propertyNames())
          .containsExactlyElementsOf(run.report().propertyNames());
    }
  }

  @Test
  void shouldAskWhichOfSeveralRunsIsMeant() throws Exception {
    try (PipelineProcess one = PipelineProcess.run(directory, "--rate", "100");
        PipelineProcess other = PipelineProcess.run(directory, "--rate", "100")) {
      one.awaitAcknowledged(1);
      other.awaitAcknowledged(1);
      for (String command : List.of("status", "scale norm=1")) {
        assertRefused(
            PipelineProcess.command(directory, command.split(" ", -1)),
            "--dir",
            one.aeronDirectory().toString(),
            other.aeronDirectory().toString());
      }
      assertThat(status(other).get("aeronDir").asString())
          .isEqualTo(other.aeronDirectory().toString());
      assertThat(
              PipelineProcess.command(directory, "status", "--dir=" + one.aeronDirectory()).out())
          .contains(one.aeronDirectory().toString());
      assertRefused(
          PipelineProcess.command(directory, "status", "--dir=/no/such/run"),
          "/no/such/run",
          one.aeronDirectory().toString());
    }
  }

  @Test
  void shouldRefuseSeveralReadersOfStandardInput() throws Exception {
    try (PipelineProcess run =
        PipelineProcess.run(directory, Redirect.PIPE, Map.of(), "--source", "-")) {
      run.process().getOutputStream().write(new byte[4096]);
      run.process().getOutputStream().flush();
      run.awaitAcknowledged(1);
      assertRefused(
          PipelineProcess.command(directory, "scale", "norm=2", "reader=2", dir(run)),
          "reader=2: standard input can be read by one reader only");
      assertThat(framesByPid(run)).hasSize(Stage.ALL.size());
    }
  }

  @Test
  void shouldEndInOrderWhileAnInstanceIsLeavingAndRefuseToScaleThen() throws Exception {
    try (PipelineProcess run = PipelineProcess.run(directory, "--rate", "1000")) {
      run.awaitAcknowledged(100);
      Map<Long, Long> first = framesByPid(run);
      assertScaled(run, "reciprocal: 2");
      long newest =
          framesByPid(run).keySet().stream()
              .filter(pid -> !first.containsKey(pid))
              .findFirst()
              .orElseThrow();
      // Stopped, it cannot leave before it goes on.
      PipelineProcess.signal(newest, "STOP");
      CompletableFuture<Outcome> scale =
          CompletableFuture.supplyAsync(
              () -> PipelineProcess.command(directory, "scale", "reciprocal=1", dir(run)));
      await()
          .atMost(PipelineProcess.LIMIT)
          .until(
              () -> PipelineProcess.command(directory, "status", dir(run)).out(),
              text -> text.contains("reciprocal: 1 running, 1 leaving"));

      // Stopped too, the norm holds up the end.
      run.services(Stage.NORM).forEach(norm -> PipelineProcess.signal(norm.pid(), "STOP"));
      run.signal("TERM");
      await()
          .atMost(PipelineProcess.LIMIT)
          .until(
              () -> PipelineProcess.command(directory, "status", dir(run)).out(),
              text -> text.contains("reader: 0 running, 1 leaving"));
      assertRefused(
          PipelineProcess.command(directory, "scale", "reciprocal=3", dir(run)), "is ending");

      PipelineProcess.signal(newest, "CONT");
      run.services(Stage.NORM).forEach(norm -> PipelineProcess.signal(norm.pid(), "CONT"));
      assertThat(run.awaitExit()).isZero();
      run.assertNothingLost(run.report().get("framesRead").asLong());
      assertThat(scale.get().exitCode()).isIn(0, USAGE);
      assertThat(run.report().get("instances").get("reciprocal").asInt()).isEqualTo(1);
    }
  }

  private static String dir(PipelineProcess run) {
    return "--dir=" + run.runDirectory();
  }

  /** Scales to what it should then say is running, such as {@code norm: 2}. */
  private void assertScaled(PipelineProcess run, String... counts) {
    List<String> command = new ArrayList<>(List.of("scale", dir(run)));
    for (String count : counts) {
      command.add(count.replace(": ", "="));
    }
    Outcome scale = PipelineProcess.command(directory, command.toArray(String[]::new));
    assertThat(scale.exitCode()).as(scale.err()).isZero();
    assertThat(scale.out().lines())
        .containsExactly(Stream.of(counts).map(count -> count + " running").toArray(String[]::new));
  }

  /** Of the sessions of the driver and the services, such as {@code nice 0}. */
  private static List<String> weights(PipelineProcess run) {
    List<String> weights = new ArrayList<>();
    for (ProcessHandle process : run.process().descendants().toList()) {
      try {
        String group = Files.readString(Path.of("/proc/" + process.pid() + "/autogroup"));
        // Before a child has its session, it is in ours, and ours may be in no autogroup.
        if (!group.isEmpty()) {
          weights.add(group.substring(group.indexOf("nice")).strip());
        }
      } catch (IOException e) {
        // The process is gone.
      }
    }
    return weights;
  }

  private static void assertRefused(Outcome outcome, String... parts) {
    assertThat(outcome.exitCode()).isEqualTo(USAGE);
    assertThat(outcome.out()).isEmpty();
    assertThat(outcome.err().lines()).singleElement().asString().contains(parts);
  }

  private JsonNode status(PipelineProcess run) {
    Outcome status = PipelineProcess.command(directory, "status", "--json", dir(run));
    assertThat(status.exitCode()).as(status.err()).isZero();
    return JsonMapper.shared().readTree(status.out());
  }

  /** The frames of every running instance. */
  private Map<Long, Long> framesByPid(PipelineProcess run) {
    JsonNode status = status(run);
    Map<Long, Long> frames = new HashMap<>();
    for (Stage stage : Stage.values()) {
      frames.putAll(frames(status, stage.label()));
    }
    return frames;
  }

  private static Map<Long, Long> frames(JsonNode status, String stage) {
    Map<Long, Long> frames = new HashMap<>();
    for (JsonNode instance : status.get("instances")) {
      if (instance.get("stage").asString().equals(stage)) {
        frames.put(instance.get("pid").asLong(), instance.get("frames").asLong());
      }
    }
    return frames;
  }

  private static Collection<Long> differences(Map<Long, Long> before, Map<Long, Long> after) {
    Map<Long, Long> differences = new HashMap<>(after);
    before.forEach((pid, frames) -> differences.merge(pid, -frames, Long::sum));
    return differences.values();
  }
}
