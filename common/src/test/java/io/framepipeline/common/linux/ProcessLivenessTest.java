package io.framepipeline.common.linux;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIOException;

import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(60)
class ProcessLivenessTest {
  @TempDir private Path directory;

  @Test
  void shouldSeeWhoHasClaimedUntilItCloses() throws IOException {
    Path aeronDirectory = directory.resolve("aeron");
    try (ProcessLiveness watcher = new ProcessLiveness(aeronDirectory)) {
      ProcessLiveness.Owner owner;
      try (ProcessLiveness claimer = new ProcessLiveness(aeronDirectory)) {
        owner = watcher.watch(claimer.claim());
        watcher.look();
        assertThat(owner.isAlive()).isTrue();
      }
      watcher.look();
      assertThat(owner.isDead()).isTrue();
    }
  }

  /** Anybody who may write to the file can lock all of it. */
  @Test
  void shouldWaitForNobodyWhoHasLockedTheWholeFile() throws Exception {
    Path aeronDirectory = directory.resolve("aeron");
    try (ProcessLiveness liveness = new ProcessLiveness(aeronDirectory)) {
      Process other = OtherProcess.lock(ProcessLiveness.file(aeronDirectory));
      try {
        assertThatIOException().isThrownBy(liveness::claim);
        liveness.look();
      } finally {
        other.destroyForcibly();
        assertThat(other.waitFor(10, TimeUnit.SECONDS)).isTrue();
      }
      assertThat(liveness.claim()).isNotNegative();
    }
  }
}
