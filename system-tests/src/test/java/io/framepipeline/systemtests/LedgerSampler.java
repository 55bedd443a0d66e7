package io.framepipeline.systemtests;

import static org.assertj.core.api.Assertions.assertThat;

import io.framepipeline.common.metrics.Ledger;
import io.framepipeline.common.metrics.StageStats;
import io.framepipeline.common.topology.Stage;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/** Reads a reader's ledger all the while: it must add up at every moment, not only at the end. */
final class LedgerSampler implements AutoCloseable {
  private static final long INTERVAL_NANOS = TimeUnit.MICROSECONDS.toNanos(500);

  private final StageStats reader;
  private volatile boolean isClosed;
  private volatile long samples;
  private volatile Ledger.Entry wrong;

  private LedgerSampler(StageStats reader) {
    this.reader = reader;
    Thread.ofPlatform().name("ledger-sampler").daemon().start(this::run);
  }

  /** Samples the reader of a run, from now on. */
  static LedgerSampler of(PipelineProcess run) {
    return new LedgerSampler(run.stats(Stage.READER));
  }

  /** Samples one of several readers, from now on. */
  static LedgerSampler of(PipelineProcess run, ProcessHandle reader) {
    return new LedgerSampler(run.stats(reader));
  }

  /** Checks that in no sample so far a frame was missing. */
  void assertAlwaysAddedUp() {
    assertThat(wrong).as("sample that does not add up").isNull();
    assertThat(samples).isPositive();
  }

  @Override
  public void close() {
    isClosed = true;
  }

  private void run() {
    long taken = 0;
    while (!isClosed && wrong == null) {
      Ledger.Entry sample = reader.ledger.read();
      if (sample.framesLost() != 0) {
        wrong = sample;
      }
      samples = ++taken;
      LockSupport.parkNanos(INTERVAL_NANOS);
    }
  }
}
