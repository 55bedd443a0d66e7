package io.framepipeline.benchmarks;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.framepipeline.common.metrics.Buckets;
import java.io.IOException;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class TurnsTest {
  @Test
  void eachIsEndedEvenIfAnotherFails() throws Exception {
    Sleeper failing = new Sleeper(true);
    Sleeper other = new Sleeper(false);
    Turns turns = new Turns();
    turns.add("failing", failing);
    turns.add("other", other);

    assertThatThrownBy(turns::close).hasMessage("cannot be ended in order");

    assertThat(failing.sleep.waitFor(10, TimeUnit.SECONDS)).isTrue();
    assertThat(other.sleep.waitFor(10, TimeUnit.SECONDS)).isTrue();
  }

  @Test
  void whoIsStoppedIsEndedWithThisProcess() throws Exception {
    Sleeper sleeper = new Sleeper(false);
    new Turns().add("stopped", sleeper);

    Turns.endChildren();

    assertThat(sleeper.sleep.toHandle().isAlive()).isFalse();
  }

  /** A process that does nothing. */
  private static final class Sleeper implements Contender {
    private final Process sleep;
    private final boolean isFailing;

    Sleeper(boolean isFailing) throws IOException {
      this.sleep = new ProcessBuilder("sleep", "60").start();
      this.isFailing = isFailing;
    }

    @Override
    public ProcessHandle process() {
      return sleep.toHandle();
    }

    @Override
    public void awaitFirstFrame() {}

    @Override
    public Progress now() {
      return new Progress(System.nanoTime(), 0, Buckets.noLatencies(), Map.of(), 0);
    }

    @Override
    public void close() {
      // Takes effect only if the process has been continued.
      sleep.destroy();
      if (isFailing) {
        throw new IllegalStateException("cannot be ended in order");
      }
    }
  }
}
