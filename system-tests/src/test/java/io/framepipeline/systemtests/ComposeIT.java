package io.framepipeline.systemtests;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.withinPercentage;
import static org.awaitility.Awaitility.await;

import com.github.dockerjava.api.command.InspectContainerResponse;
import io.framepipeline.common.config.ExitCode;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.MethodOrderer.OrderAnnotation;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.extension.TestWatcher;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The containers under the hands of an operator. One stack serves all: what is done to it in one
 * test must not show in the next, and the ledger at the end must still add up.
 */
@Timeout(value = 5, unit = TimeUnit.MINUTES)
@TestMethodOrder(OrderAnnotation.class)
class ComposeIT {
  /** Little enough for two cores to start containers beside it. */
  private static final int RATE = 5000;

  private static ComposeStack stack;

  /** What the containers said, which is gone with them. */
  @RegisterExtension
  static final TestWatcher LOGS =
      new TestWatcher() {
        @Override
        public void testFailed(ExtensionContext context, Throwable cause) {
          try {
            System.err.println(stack.compose("ps", "-a"));
            System.err.println(stack.compose("logs", "--tail", "40"));
          } catch (Exception e) {
            cause.addSuppressed(e);
          }
        }
      };

  @BeforeAll
  static void start() throws Exception {
    ComposeStack.assumeEngine();
    stack =
        ComposeStack.start(
            Map.of("READER_RATE", Integer.toString(RATE), "READER_ABANDONED_DIR", "/abandoned"));
  }

  @AfterAll
  static void end() {
    if (stack != null) {
      stack.close();
    }
  }

  @Test
  @Order(1)
  void shouldStartHealthyAndConfined() throws Exception {
    stack.compose("up", "-d", "--wait");

    List<InspectContainerResponse> containers = stack.inspect();
    assertThat(containers).hasSize(6);
    for (InspectContainerResponse container : containers) {
      ComposeStack.assertHealthyAndConfined(container);
      assertThat(container.getHostConfig().getPidMode()).isEmpty();
      assertThat(container.getHostConfig().getIpcMode()).isEqualTo("private");
    }
    stack.compose("exec", "-T", "reader-service", "sh", "-c", "[ $(id -u) = 10001 ]");
    stack.compose(
        "exec", "-T", "reader-service", "sh", "-c", "! touch /file && touch /abandoned/file");
  }

  @Test
  @Order(2)
  void shouldRefuseLogsThatTheVolumeCannotHold() throws Exception {
    ComposeStack.Result result =
        stack.tryCompose(
            "run",
            "--rm",
            "--no-deps",
            "-e",
            "PIPELINE_CHANNEL=aeron:ipc?term-length=1g",
            "media-driver");

    assertThat(result.exitCode()).as(result.output()).isEqualTo(ExitCode.USAGE);
    // Two logs of three terms of 1 GiB; a ring of 16.5 MiB; the driver's files, and what is small.
    assertThat(result.output()).contains("has 1024 MiB").contains("need 6177 MiB");
  }

  /** Whatever comes or goes on purpose repeats nothing; Prometheus sees each instance. */
  @Test
  @Order(3)
  void shouldScaleOutAndInWithoutARepeat() throws Exception {
    stack.compose(
        "up", "-d", "--wait", "--scale", "reciprocal-service=3", "--scale", "norm-service=2");
    awaitInstances("reciprocal-service", 3);
    awaitInstances("norm-service", 2);
    for (String frames : List.of("read", "acknowledged", "transformed", "normed")) {
      // Every instance has its share, and the shares add up.
      String rates = "rate(pipeline_frames_%s_total[15s])".formatted(frames);
      await()
          .atMost(ComposeStack.LIMIT)
          .untilAsserted(
              () -> {
                assertThat(stack.query("sum(" + rates + ")")).isCloseTo(RATE, withinPercentage(5));
                assertThat(stack.query("min(" + rates + ")")).isPositive();
              });
    }

    stack.compose("up", "-d", "--wait");
    awaitInstances("reciprocal-service", 1);
    awaitInstances("norm-service", 1);
    awaitFurtherAcknowledged(2 * RATE);
    assertThat(stack.query("pipeline_frames_redelivered_total")).isZero();
  }

  @Test
  @Order(4)
  void shouldHaveDataForEveryPanelAndRule() throws Exception {
    ComposeStack.Result result =
        stack.run(List.of("monitoring/check-queries", stack.prometheus().toString()));

    assertThat(result.exitCode()).as(result.output()).isZero();
  }

  /**
   * The engine takes a kill for the operator's wish, and starts nothing again by itself. What the
   * live view shows later is that nothing is lost.
   */
  @ParameterizedTest
  @Order(5)
  @ValueSource(strings = {"reciprocal-service", "norm-service", "media-driver", "reader-service"})
  void shouldLoseNothingWhenAServiceIsKilled(String service) throws Exception {
    stack.compose("kill", "-s", "KILL", service);
    stack.compose("up", "-d", "--wait");

    awaitFurtherAcknowledged(4 * RATE);
  }

  @Test
  @Order(6)
  void shouldStartAgainWhatDiesByItself() throws Exception {
    // From inside, the first process heeds only what it handles, as a JVM does this.
    stack.compose("exec", "-T", "norm-service", "bash", "-c", "kill -SEGV 1");

    await()
        .atMost(ComposeStack.LIMIT)
        .until(() -> stack.inspect("norm-service").getFirst().getRestartCount() == 1);
    awaitFurtherAcknowledged(4 * RATE);
  }

  /** The console sees the shared memory read-only, and asks no service. */
  @Test
  @Order(6)
  void shouldShowADeathAndItsSuccessorInABrowser() throws Exception {
    Browser.assumeThere();
    try (Browser browser = new Browser()) {
      browser.open("http://" + stack.compose("port", "console", "8080").strip() + "/");
      browser.await("a norm", () -> browser.instances("norm", "running").size() == 1);
      String victim = browser.instances("norm", "running").getFirst();
      stack.compose("exec", "-T", "norm-service", "bash", "-c", "kill -SEGV 1");
      browser.await("its death", () -> browser.instances("norm", "dead").contains(victim));
      browser.await(
          "its successor",
          () -> {
            List<String> running = browser.instances("norm", "running");
            return running.size() == 1 && !running.contains(victim);
          });
      long acknowledged = browser.number("ledger-framesAcknowledged");
      browser.await(
          "frames", () -> browser.number("ledger-framesAcknowledged") > acknowledged + RATE);
      assertThat(browser.number("ledger-framesLost")).isZero();
      browser.assertNoErrors();
    }
    awaitFurtherAcknowledged(4 * RATE);
  }

  @Test
  @Order(7)
  void shouldFollowARestartedDriver() throws Exception {
    stack.compose("restart", "media-driver");

    awaitFurtherAcknowledged(4 * RATE);
    stack.compose("up", "-d", "--wait");
  }

  /** As the engine does when it ends itself, and a pod at its end. */
  @Test
  @Order(8)
  void shouldLoseNothingWhenAllAreToldToStopAtOnce() throws Exception {
    stack.compose(
        "kill",
        "-s",
        "TERM",
        "media-driver",
        "norm-service",
        "reciprocal-service",
        "reader-service");

    for (String service :
        List.of("media-driver", "norm-service", "reciprocal-service", "reader-service")) {
      await().atMost(ComposeStack.LIMIT).until(() -> !state(service).getRunning());
    }
    assertEndedInOrder();
    stack.compose("up", "-d", "--wait");
    // The new reader counts from 0, and the figures of the old one are shown for a while.
    double upSeconds = System.currentTimeMillis() / 1e3;
    await()
        .atMost(ComposeStack.LIMIT)
        .until(
            () ->
                stack.query("max(pipeline_last_progress_timestamp_seconds{stage=\"norm\"})")
                    > upSeconds);
  }

  @Test
  @Order(9)
  void shouldStopInOrderWithAClosedLedger() throws Exception {
    stack.compose("stop");

    assertEndedInOrder();
    assertThat(state("prometheus").getExitCodeLong()).isZero();
  }

  /**
   * A reader that was stopped is told from one that has finished, which the engine must not start
   * again.
   */
  private static void assertEndedInOrder() throws Exception {
    for (String service : List.of("media-driver", "norm-service", "reciprocal-service")) {
      assertThat(state(service).getExitCodeLong()).as(service).isZero();
    }
    assertThat(state("reader-service").getExitCodeLong()).isEqualTo(ExitCode.STOPPED);
    assertThat(stack.compose("logs", "--no-log-prefix", "reader-service").lines())
        .filteredOn(line -> line.contains("ledger: "))
        .last()
        .asString()
        .containsPattern("read=(\\d+) acknowledged=\\1 inFlight=0 abandoned=0");
  }

  private static InspectContainerResponse.ContainerState state(String service) throws Exception {
    return stack.inspect(service).getFirst().getState();
  }

  private static void awaitInstances(String job, int count) {
    await()
        .atMost(ComposeStack.LIMIT)
        .until(() -> stack.query("sum(up{job=\"%s\"})".formatted(job)) == count);
  }

  /** Nothing is in the way of frames: not of those that were in flight, nor of new ones. */
  private static void awaitFurtherAcknowledged(int frames) {
    // A reader that goes on for a dead one counts on, and the dead one is shown for a while.
    String acknowledged = "max(pipeline_frames_acknowledged_total)";
    double before = stack.query(acknowledged);
    assertThat(before).isPositive();
    await().atMost(ComposeStack.LIMIT).until(() -> stack.query(acknowledged) >= before + frames);
  }
}
