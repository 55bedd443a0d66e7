package io.framepipeline.systemtests;

import static org.assertj.core.api.Assertions.assertThat;

import io.framepipeline.common.metrics.FiguresDirectory;
import io.framepipeline.common.metrics.FiguresView;
import io.framepipeline.common.metrics.InstanceFigures;
import io.framepipeline.common.metrics.Ledger;
import java.nio.file.Files;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Stream;

/**
 * Looks at the ledger of all readers of a run all the while. Whichever reader dies or takes over,
 * what was read and what was completed never gets less, and no frame counts twice.
 */
final class TotalLedgerSampler implements AutoCloseable {
  private static final long INTERVAL_NANOS = TimeUnit.MILLISECONDS.toNanos(10);

  /** How long a run may take to delete its files. */
  private static final long ENDING_NANOS = TimeUnit.SECONDS.toNanos(1);

  private final PipelineProcess run;
  private final FiguresDirectory figures;
  private final long frames;
  private final Thread sampler;
  private volatile boolean isClosed;
  private volatile long samples;
  private volatile String wrong;

  private TotalLedgerSampler(PipelineProcess run, long frames) {
    this.run = run;
    this.figures = new FiguresDirectory(run.aeronDirectory());
    this.frames = frames;
    this.sampler = Thread.ofPlatform().name("ledger-sampler").daemon().start(this::run);
  }

  /**
   * Samples a run, from now on. What is seen while the run ends, and deletes its figures, counts no
   * more.
   *
   * @param frames that its input has at most
   */
  static TotalLedgerSampler of(PipelineProcess run, long frames) {
    return new TotalLedgerSampler(run, frames);
  }

  /** Checks that every sample so far was right. */
  void assertAlwaysRight() {
    assertThat(wrong).as("sample that cannot be").isNull();
    assertThat(samples).isPositive();
  }

  @Override
  public void close() {
    isClosed = true;
    try {
      sampler.join();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private void run() {
    Ledger.Entry last = Ledger.Entry.EMPTY;
    long taken = 0;
    while (!isClosed && wrong == null) {
      Ledger.Entry sample = total(figures.look());
      if (sample.framesRead() < last.framesRead()
          || sample.framesAcknowledged() < last.framesAcknowledged()
          || sample.framesRead() > frames
          || sample.framesLost() < 0) {
        if (isEnding()) {
          return;
        }
        wrong = sample + " after " + last;
      }
      last = sample;
      samples = ++taken;
      LockSupport.parkNanos(INTERVAL_NANOS);
    }
  }

  private boolean isEnding() {
    LockSupport.parkNanos(ENDING_NANOS);
    return !Files.exists(run.runDirectory());
  }

  private static Ledger.Entry total(FiguresView view) {
    return Stream.concat(
            view.instances().stream().map(InstanceFigures::ledger),
            view.sums().values().stream().map(sum -> sum.ledger.read()))
        .reduce(Ledger.Entry.EMPTY, Ledger.Entry::plus);
  }
}
