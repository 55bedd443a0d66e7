package io.framepipeline.common.service;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.aeron.CommonContext;
import io.aeron.driver.MediaDriver;
import io.aeron.driver.ThreadingMode;
import io.framepipeline.common.metrics.StageStats;
import io.framepipeline.common.transport.Channels;
import io.framepipeline.common.transport.DriverConnection;
import io.framepipeline.common.transport.SharedMemorySize;
import io.framepipeline.common.transport.Stage;
import java.nio.file.Path;
import java.util.concurrent.CompletableFuture;
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
  private final StageAgent agent =
      new StageAgent(
          Stage.READER,
          new CommonSettings(aeronDirectory, CHANNELS, IdleMode.BACKOFF, PipelineCpu.any(), 0),
          new SharedMemorySize(aeronDirectory, CHANNELS),
          service,
          StageStats.inMemory());
  private MediaDriver driver;

  @BeforeEach
  void connect() {
    driver =
        MediaDriver.launch(
            new MediaDriver.Context()
                .aeronDirectoryName(aeronDirectory.toString())
                .dirDeleteOnShutdown(true)
                .threadingMode(ThreadingMode.SHARED)
                .asyncExecutorEnabled(false));
    await()
        .until(
            () -> {
              agent.doWork();
              return service.prompt != null;
            });
  }

  @AfterEach
  void close() {
    agent.onClose();
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
    agent.onClose();
    service.prompt.run();
    assertThat(service.cycles).isZero();
  }

  private static final class TestService implements StageService, StageSession {
    private Runnable prompt;
    private Runnable action = () -> {};
    private int workLeft;
    private int cycles;
    private Thread worker;
    private boolean isStopped;

    @Override
    public StageSession connect(DriverConnection connection, Runnable prompt) {
      this.prompt = prompt;
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
    public void leave(long nowNanos) {}

    @Override
    public boolean isDone(long nowNanos) {
      return false;
    }

    @Override
    public void close() {}
  }
}
