package io.framepipeline.reader;

import io.framepipeline.common.config.ExitException;
import java.io.IOException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/**
 * Writes norms in order of sequence. It has a thread of its own, since an output may be a pipe that
 * no process reads.
 */
final class ResultsWriter implements AutoCloseable {
  /** The pause when too few norms are known for a full write: a write takes longer than a wait. */
  private static final long MIN_PARK_NANOS = TimeUnit.MILLISECONDS.toNanos(1);

  private static final long MAX_PARK_NANOS = TimeUnit.MILLISECONDS.toNanos(8);

  private final NormRing norms;
  private final ResultsTarget target;
  private final int reader;
  private final ResultsTarget.Opener opener;
  private final Thread thread;
  private volatile boolean isClosed;
  private volatile ExitException failure;
  private volatile Throwable defect;

  /**
   * Begins to write.
   *
   * @param opener opens the output
   * @param reader the number of this reader in the run
   */
  ResultsWriter(NormRing norms, ResultsTarget target, ResultsTarget.Opener opener, int reader) {
    this.norms = norms;
    this.target = target;
    this.reader = reader;
    this.opener = opener;
    this.thread = Thread.ofPlatform().name("results").daemon().start(this::run);
  }

  /** Whether writing has failed, so that nothing more will be written. */
  boolean hasFailed() {
    return failure != null || defect != null;
  }

  /**
   * Why writing failed, or null.
   *
   * @throws IllegalStateException if a defect was the cause
   */
  ExitException failure() {
    if (defect != null) {
      throw new IllegalStateException("writing results failed", defect);
    }
    return failure;
  }

  /**
   * Ends the thread, even if it waits for the process that reads the output. Norms that are not
   * written yet stay unwritten.
   */
  @Override
  public void close() {
    isClosed = true;
    thread.interrupt();
  }

  private void run() {
    long next = norms.written();
    try {
      ResultsOutput output = opener.open();
      next = Math.max(next, output.written());
      if (next > norms.written()) {
        // A dead reader was killed before it said so. Without a further result, no later step
        // would.
        norms.written(next, output.bytes());
      }
      long parkNanos = MIN_PARK_NANOS;
      while (!isClosed) {
        long known = norms.known();
        long end = next;
        while (end < known && output.hasRoom()) {
          output.add(end, norms.norm(end));
          end++;
        }
        if (end > next) {
          output.flush();
          next = end;
          norms.written(next, output.bytes());
          parkNanos = MIN_PARK_NANOS;
        }
        if (end == known) {
          LockSupport.parkNanos(parkNanos);
          parkNanos = Math.min(2 * parkNanos, MAX_PARK_NANOS);
        }
      }
    } catch (IOException e) {
      // When closed, the thread was interrupted, and this is no failure.
      if (!isClosed) {
        failure = target.failed(reader, e, next);
      }
    } catch (ExitException e) {
      failure = e;
    } catch (RuntimeException | Error e) {
      if (!isClosed) {
        defect = e;
      }
    }
  }
}
