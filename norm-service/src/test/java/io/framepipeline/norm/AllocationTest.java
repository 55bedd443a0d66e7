package io.framepipeline.norm;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
import io.framepipeline.common.delivery.AnswerStage;
import io.framepipeline.common.delivery.TransformStage;
import io.framepipeline.common.linux.PipelineCpu;
import io.framepipeline.common.metrics.Figure;
import io.framepipeline.common.metrics.StageStats;
import io.framepipeline.common.service.CommonSettings;
import io.framepipeline.common.service.IdleMode;
import io.framepipeline.common.service.StageService;
import io.framepipeline.common.service.StageSession;
import io.framepipeline.common.topology.Stage;
import io.framepipeline.common.transport.Channels;
import io.framepipeline.common.transport.SteppedDriver;
import io.framepipeline.reader.PartialFrame;
import io.framepipeline.reader.ReaderService;
import io.framepipeline.reader.ReaderSettings;
import io.framepipeline.reader.ResultsTarget;
import io.framepipeline.reader.Source;
import io.framepipeline.reciprocal.ReciprocalKernel;
import java.io.File;
import java.lang.management.ManagementFactory;
import java.util.OptionalLong;
import org.agrona.IoUtil;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The three stages in one thread, over an endless source. */
@Timeout(300)
class AllocationTest {
  private static final Channels CHANNELS = Channels.of(Channels.DEFAULT);
  private static final int WARM_UP_FRAMES = 300_000;
  private static final int FRAMES = 1_000_000;

  /** Runs before a service that allocates in each is one that allocates. */
  private static final int MAX_RUNS = 5;

  private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();

  private final SteppedDriver driver = new SteppedDriver();
  private final StageStats readerStats = StageStats.inMemory();

  @AfterEach
  void closeDriver() {
    driver.close();
    // The numbers of readers outlive a driver, as they must.
    IoUtil.delete(new File(driver.aeronDirectory() + ".readers"), true);
  }

  @Test
  void shouldAllocateNothingPerFrame() {
    shouldAllocateNothingPerFrame(null);
  }

  @Test
  void shouldAllocateNothingPerFrameIfNormsAreWritten() {
    shouldAllocateNothingPerFrame(new ResultsTarget("/dev/null"));
  }

  private void shouldAllocateNothingPerFrame(ResultsTarget results) {
    ReaderSettings settings =
        new ReaderSettings(
            new Source("/dev/zero"),
            false,
            OptionalLong.empty(),
            OptionalLong.empty(),
            2048,
            PartialFrame.REFUSE,
            5,
            null,
            results,
            null);
    CommonSettings common =
        new CommonSettings(
            driver.aeronDirectory(),
            CHANNELS,
            IdleMode.BACKOFF,
            PipelineCpu.any(),
            0,
            OptionalLong.empty());
    StageStats normStats = StageStats.inMemory();
    NormKernel normKernel = new NormKernel();
    Measured norm =
        start(
            (connection, prompt) ->
                new AnswerStage(Stage.NORM, normKernel, connection, CHANNELS, normStats));
    StageStats reciprocalStats = StageStats.inMemory();
    ReciprocalKernel reciprocalKernel = new ReciprocalKernel();
    Measured reciprocal =
        start(
            (connection, prompt) ->
                new TransformStage(
                    Stage.RECIPROCAL, reciprocalKernel, connection, CHANNELS, reciprocalStats));
    Measured reader = start(new ReaderService(settings, common, readerStats));
    stepFrames(WARM_UP_FRAMES);

    // The JVM itself allocates a few bytes in a thread when it has compiled or discarded code; what
    // the services allocate comes again in every run.
    long leastNorm = Long.MAX_VALUE;
    long leastReciprocal = Long.MAX_VALUE;
    long leastReader = Long.MAX_VALUE;
    for (int run = 0; run < MAX_RUNS && leastNorm + leastReciprocal + leastReader != 0; run++) {
      norm.bytes = 0;
      reciprocal.bytes = 0;
      reader.bytes = 0;
      stepFrames(FRAMES);
      leastNorm = Math.min(leastNorm, norm.bytes);
      leastReciprocal = Math.min(leastReciprocal, reciprocal.bytes);
      leastReader = Math.min(leastReader, reader.bytes);
    }

    assertThat(leastReader).as("bytes allocated by the reader").isZero();
    assertThat(leastReciprocal).as("bytes allocated by the reciprocal").isZero();
    assertThat(leastNorm).as("bytes allocated by the norm").isZero();
    assertThat(readerStats.counter(Figure.FRAMES_DUPLICATE).get()).isZero();
    assertThat(normStats.norms.snapshot().min()).isEqualTo(64);
    assertThat(normStats.norms.snapshot().max()).isEqualTo(64);
  }

  private void stepFrames(long frames) {
    long end = readerStats.ledger.read().framesAcknowledged() + frames;
    driver.stepUntil(
        frames + " frames", () -> readerStats.ledger.read().framesAcknowledged() >= end);
  }

  private Measured start(StageService service) {
    SteppedDriver.Peer peer = driver.startPeer();
    peer.own(service);
    Measured measured = new Measured(peer, peer.own(service.connect(peer.connection(), () -> {})));
    peer.run(measured);
    return measured;
  }

  /** A service's duty cycle, its Aeron conductor included, and what it allocates. */
  private static final class Measured implements SteppedDriver.DutyCycle {
    private final SteppedDriver.Peer peer;
    private final StageSession session;
    private long bytes;

    Measured(SteppedDriver.Peer peer, StageSession session) {
      this.peer = peer;
      this.session = session;
    }

    @Override
    public int doWork(long nowNanos) {
      long before = THREADS.getCurrentThreadAllocatedBytes();
      int work = peer.aeron().conductorAgentInvoker().invoke();
      work += session.doWork(nowNanos);
      bytes += THREADS.getCurrentThreadAllocatedBytes() - before;
      return work;
    }
  }
}
