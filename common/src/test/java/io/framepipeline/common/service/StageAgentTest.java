package io.framepipeline.common.service;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.aeron.Aeron;
import io.aeron.CommonContext;
import io.aeron.driver.MediaDriver;
import io.aeron.driver.ThreadingMode;
import io.framepipeline.common.linux.PipelineCpu;
import io.framepipeline.common.metrics.StageStats;
import io.framepipeline.common.topology.Stage;
import io.framepipeline.common.transport.Channels;
import io.framepipeline.common.transport.DriverConnection;
import io.framepipeline.common.transport.RecordingInbox;
import java.nio.file.Path;
import java.time.Duration;
import java.util.OptionalLong;
import java.util.concurrent.CompletableFuture;
import java.util.function.BooleanSupplier;
import org.agrona.CloseHelper;
import org.agrona.IoUtil;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Who runs a stage's duty cycle. */
@Timeout(60)
class StageAgentTest {
  private static final Channels CHANNELS = Channels.of("aeron:ipc?term-length=64k");

  private final Path sharedDirectory = Path.of(CommonContext.generateRandomDirName());
  private final Path aeronDirectory = sharedDirectory.resolve("aeron");
  private final TestService service = new TestService();
  private final StageAgent agent = newAgent(Stage.READER, service);
  private MediaDriver driver = launchDriver();

  @BeforeEach
  void connect() {
    runUntil(agent, () -> service.connections == 1);
  }

  @AfterEach
  void close() {
    agent.close();
    CloseHelper.close(driver);
    IoUtil.delete(sharedDirectory.toFile(), true);
  }

  @Test
  void shouldWorkOnTheThreadThatPromptsUntilNothingIsLeft() {
    service.workLeft = 3;
    service.prompt.run();
    assertThat(service.cycles).isEqualTo(4);
    assertThat(service.worker).isSameAs(Thread.currentThread());
  }

  @Test
  void shouldNotKeepWhoPromptsForever() {
    service.workLeft = Integer.MAX_VALUE;
    service.prompt.run();
    assertThat(service.cycles).isPositive();
  }

  @Test
  void shouldLeaveTheWorkToWhoeverIsAtIt() {
    // Prompted by another thread in the middle of a duty cycle of this one.
    service.action = () -> CompletableFuture.runAsync(service.prompt).join();
    agent.doWork();
    assertThat(service.cycles).isEqualTo(1);
  }

  @Test
  void shouldFailOnItsOwnThreadWhenPromptedWorkFails() {
    service.action =
        () -> {
          throw new ArithmeticException("a defect");
        };
    service.prompt.run();
    assertThatThrownBy(agent::doWork)
        .isInstanceOf(IllegalStateException.class)
        .hasRootCauseMessage("a defect");
    assertThat(service.cycles).isEqualTo(1);
  }

  /**
   * Whoever prompts may have been interrupted to stop it, which would close the session's files.
   */
  @Test
  void shouldNotBePromptedToLeave() {
    agent.stop();
    service.prompt.run();
    assertThat(service.cycles).isZero();
    assertThat(service.isStopped).isFalse();

    agent.doWork();
    assertThat(service.cycles).isEqualTo(1);
    assertThat(service.isStopped).isTrue();
  }

  @Test
  void shouldNotBePromptedOnceClosed() {
    agent.close();
    service.prompt.run();
    assertThat(service.cycles).isZero();
  }

  /** Who ends a group of processes tells each, and their parent tells them again. */
  @Test
  void shouldEndInPeaceHoweverOftenToldTo() {
    agent.stop();
    agent.stop();
    runUntil(agent, () -> service.toldToLeave > 0);
    agent.stop();
    agent.doWork();
    assertThat(agent.isDone()).isFalse();
    assertThat(service.toldToStop).isEqualTo(1);
    assertThat(service.toldToLeave).isEqualTo(1);

    service.isDone = true;
    agent.doWork();
    assertThat(agent.isDone()).isTrue();
  }

  @Test
  void shouldEndAtOnceWithoutADriverIfNobodyNeedsIt() {
    driver.close();
    runUntil(agent, () -> service.isClosed);
    agent.stop();
    agent.doWork();
    assertThat(agent.isDone()).isTrue();
  }

  /** The reader comes back for what it has in flight, and needs the others for it. */
  @Test
  void shouldConnectAgainIfTheDriverIsLostWhileAReaderIsEnding() {
    TestService normService = new TestService();
    StageAgent norm = newAgent(Stage.NORM, normService);
    runUntil(norm, () -> normService.connections == 1);
    try (DriverConnection connection =
            DriverConnection.open(
                new Aeron.Context()
                    .aeronDirectoryName(aeronDirectory.toString())
                    .useConductorAgentInvoker(true));
        RecordingInbox reader =
            RecordingInbox.open(connection, CHANNELS.answers(), Stage.READER, 1)) {
      reader.inbox().announceStop();
      norm.stop();
      runFor(norm, Duration.ofSeconds(1));
      assertThat(normService.toldToLeave).isZero();
      driver.close();
      runUntil(norm, () -> normService.isClosed);
    }
    assertThat(norm.isDone()).isFalse();

    driver = launchDriver();
    runUntil(norm, () -> normService.connections == 2);
    // It waits no longer for a reader that stays away.
    runUntil(norm, () -> normService.toldToLeave == 1);
    assertThat(normService.toldToStop).as("on each connection").isEqualTo(2);
    norm.close();
  }

  private StageAgent newAgent(Stage stage, TestService stageService) {
    CommonSettings common =
        new CommonSettings(
            aeronDirectory, CHANNELS, IdleMode.BACKOFF, PipelineCpu.any(), 0, OptionalLong.empty());
    return new StageAgent(
        stage, common, common.sharedMemory(), stageService, StageStats.inMemory());
  }

  private MediaDriver launchDriver() {
    return MediaDriver.launch(
        new MediaDriver.Context()
            // With Aeron's default two drivers fill 64 MB of /dev/shm.
            .counterValuesBufferLength(1 << 20)
            .aeronDirectoryName(aeronDirectory.toString())
            .dirDeleteOnShutdown(true)
            .threadingMode(ThreadingMode.SHARED)
            .asyncExecutorEnabled(false));
  }

  private static void runUntil(StageAgent stageAgent, BooleanSupplier condition) {
    await()
        .pollInterval(Duration.ofMillis(1))
        .until(
            () -> {
              stageAgent.doWork();
              return condition.getAsBoolean();
            });
  }

  private static void runFor(StageAgent stageAgent, Duration duration) {
    long startNanos = System.nanoTime();
    runUntil(stageAgent, () -> System.nanoTime() - startNanos >= duration.toNanos());
  }

  private static final class TestService implements StageService, StageSession {
    private Runnable prompt;
    private Runnable action = () -> {};
    private int workLeft;
    private int cycles;
    private Thread worker;
    private boolean isStopped;
    private boolean isDone;
    private boolean isClosed;
    private int connections;
    private int toldToStop;
    private int toldToLeave;

    @Override
    public StageSession connect(DriverConnection connection, Runnable prompt) {
      this.prompt = prompt;
      connections++;
      return this;
    }

    @Override
    public int doWork(long nowNanos) {
      cycles++;
      worker = Thread.currentThread();
      action.run();
      return workLeft > 0 ? workLeft-- : 0;
    }

    @Override
    public void stop() {
      isStopped = true;
    }

    @Override
    public boolean isHeldBack() {
      return false;
    }

    @Override
    public void announceStop() {
      toldToStop++;
    }

    @Override
    public void leave(long nowNanos) {
      toldToLeave++;
    }

    @Override
    public boolean isDone() {
      return isDone;
    }

    @Override
    public void close() {
      isClosed = true;
    }
  }
}
