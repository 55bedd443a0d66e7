package io.framepipeline.common.transport;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIOException;

import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(60)
class PresenceTest {
  @TempDir private Path directory;

  @Test
  void shouldSeeWhoHasClaimedUntilItCloses() throws IOException {
    Path aeronDirectory = directory.resolve("aeron");
    try (Presence watcher = new Presence(aeronDirectory)) {
      Presence.Owner owner;
      try (Presence claimer = new Presence(aeronDirectory)) {
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
    try (Presence presence = new Presence(aeronDirectory)) {
      Process other = OtherProcess.lock(Presence.file(aeronDirectory));
      try {
        assertThatIOException().isThrownBy(presence::claim);
        presence.look();
      } finally {
        other.destroyForcibly();
        assertThat(other.waitFor(10, TimeUnit.SECONDS)).isTrue();
      }
      assertThat(presence.claim()).isNotNegative();
    }
  }
}
