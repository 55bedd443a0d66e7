package io.framepipeline.norm;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
import io.framepipeline.common.delivery.AnswerStage;
import io.framepipeline.common.delivery.TransformStage;
import io.framepipeline.common.kernel.Kernel;
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
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalLong;
import org.agrona.IoUtil;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** All stages in one thread, over an endless source. */
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
  private final List<Measured> started = new ArrayList<>();

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
    start(
        Stage.NORM,
        (connection, prompt) ->
            new AnswerStage(Stage.NORM, normKernel, connection, CHANNELS, normStats));
    for (Stage middle : Stage.NORM.upstream()) {
      if (!middle.isFirst()) {
        Kernel kernel = kernelOf(middle);
        StageStats stats = StageStats.inMemory();
        start(
            middle,
            (connection, prompt) ->
                new TransformStage(middle, kernel, connection, CHANNELS, stats));
      }
    }
    start(Stage.READER, new ReaderService(settings, common, readerStats));
    stepFrames(WARM_UP_FRAMES);

    // The JVM itself allocates a few bytes in a thread when it has compiled or discarded code; what
    // the services allocate comes again in every run.
    for (int run = 0; run < MAX_RUNS && started.stream().anyMatch(Measured::allocates); run++) {
      started.forEach(Measured::beginRun);
      stepFrames(FRAMES);
      started.forEach(Measured::endRun);
    }

    for (Measured service : started) {
      assertThat(service.leastBytes)
          .as("bytes allocated by the %s", service.stage.label())
          .isZero();
    }
    assertThat(readerStats.counter(Figure.FRAMES_DUPLICATE).get()).isZero();
    assertThat(normStats.norms.snapshot().min()).isEqualTo(64);
    assertThat(normStats.norms.snapshot().max()).isEqualTo(64);
  }

  /** Stages of one's own are not known here, so their payloads pass unchanged. */
  private static Kernel kernelOf(Stage middle) {
    return middle == Stage.RECIPROCAL
        ? new ReciprocalKernel()
        : (in, inOffset, out, outOffset) ->
            out.putBytes(outOffset, in, inOffset, middle.outputLength());
  }

  private void stepFrames(long frames) {
    long end = readerStats.ledger.read().framesAcknowledged() + frames;
    driver.stepUntil(
        frames + " frames", () -> readerStats.ledger.read().framesAcknowledged() >= end);
  }

  private void start(Stage stage, StageService service) {
    SteppedDriver.Peer peer = driver.startPeer();
    peer.own(service);
    StageSession session = peer.own(service.connect(peer.connection(), () -> {}));
    Measured measured = new Measured(stage, peer, session);
    peer.run(measured);
    started.add(measured);
  }

  /** A service's duty cycle, its Aeron conductor included, and what it allocates. */
  private static final class Measured implements SteppedDriver.DutyCycle {
    private final Stage stage;
    private final SteppedDriver.Peer peer;
    private final StageSession session;
    private long bytes;
    private long leastBytes = Long.MAX_VALUE;

    Measured(Stage stage, SteppedDriver.Peer peer, StageSession session) {
      this.stage = stage;
      this.peer = peer;
      this.session = session;
    }

    void beginRun() {
      bytes = 0;
    }

    void endRun() {
      leastBytes = Math.min(leastBytes, bytes);
    }

    /** Whether it has allocated in every run so far. */
    boolean allocates() {
      return leastBytes != 0;
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
