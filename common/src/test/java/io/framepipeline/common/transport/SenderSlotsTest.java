package io.framepipeline.common.transport;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(60)
class SenderSlotsTest {
  private static final int PAYLOAD_LENGTH = 4096;
  private static final int STREAM_ID = 5;

  @TempDir private Path directory;
  private Path aeronDirectory;
  private SenderSlots slots;
  private long nowNanos;

  @BeforeEach
  void open() {
    aeronDirectory = directory.resolve("aeron");
    slots = new SenderSlots(aeronDirectory, STREAM_ID, PAYLOAD_LENGTH);
  }

  @AfterEach
  void close() {
    slots.close();
  }

  @Test
  void shouldMapASendersSlotsOnce() throws IOException {
    try (SlotFile file = createFor(7)) {
      file.slots().written(3);
      FrameSlots mapped = slots.of(7, nowNanos);
      assertThat(mapped.isStill(3)).isTrue();
      assertThat(slots.of(7, nowNanos)).isSameAs(mapped);
    }
  }

  @Test
  void shouldHoldNothingForASenderWithoutSlotsAndLookAgainLater() throws IOException {
    assertThat(slots.of(7, nowNanos).isStill(0)).isFalse();
    try (SlotFile file = createFor(7)) {
      file.slots().written(0);
      assertThat(slots.of(7, nowNanos).isStill(0)).as("not at each message").isFalse();

      slots.forgetMissing();
      assertThat(slots.of(7, nowNanos).isStill(0)).isTrue();
      assertThat(slots.failure()).isNull();
    }
  }

  /**
   * What opening would block on, follow or fail at is none of a sender's, and costs this process
   * nothing.
   */
  @Test
  void shouldHoldNothingForWhatIsNoFileOfSlots() throws Exception {
    try (SlotFile file = createFor(1)) {
      Files.createDirectory(pathFor(2));
      Files.createSymbolicLink(pathFor(3), pathFor(1));
      assertThat(new ProcessBuilder("mkfifo", pathFor(4).toString()).start().waitFor()).isZero();
      Files.write(pathFor(5), new byte[100]);

      file.slots().written(0);
      for (int session = 2; session <= 6; session++) {
        assertThat(slots.of(session, nowNanos).isStill(0)).as("session %d", session).isFalse();
      }
      assertThat(slots.failure()).isNull();
    }
  }

  @Test
  void shouldTryAgainWhatThisProcessCannotMap() throws IOException {
    try (SlotFile file = createFor(7);
        SlotFile other = createFor(8)) {
      file.slots().written(0);
      other.slots().written(0);
      assertThat(slots.of(8, nowNanos).isStill(0)).isTrue();
      List<FrameSlots> mapped = new ArrayList<>();
      DescriptorLimit.whileReached(
          () -> {
            mapped.add(slots.of(7, nowNanos));
            mapped.add(slots.of(8, nowNanos));
          });
      assertThat(mapped.get(0)).isNull();
      assertThat(mapped.get(1)).as("those it has").isNotNull();
      nowNanos += TimeUnit.MILLISECONDS.toNanos(20);
      assertThat(slots.of(7, nowNanos).isStill(0)).isTrue();
      assertThat(slots.failure()).isNull();
    }
  }

  @Test
  void shouldSayThatThisProcessIsUnableAfterASecond() throws IOException {
    try (SlotFile file = createFor(7)) {
      file.slots().written(0);
      List<Object> seen = new ArrayList<>();
      DescriptorLimit.whileReached(
          () -> {
            seen.add(slots.of(7, nowNanos));
            nowNanos += TimeUnit.MILLISECONDS.toNanos(999);
            seen.add(slots.of(7, nowNanos));
            seen.add(slots.failure());
            // A stranger's, which are not there, say nothing about what this process can do.
            nowNanos += TimeUnit.MILLISECONDS.toNanos(20);
            slots.of(8, nowNanos);
            seen.add(slots.of(7, nowNanos));
          });
      assertThat(seen).containsOnlyNulls();
      assertThat(slots.failure()).hasMessageContaining("Too many open files");

      slots.unmap(7);
      assertThat(slots.failure()).as("nobody waits for them any more").isNull();
    }
  }

  private SlotFile createFor(int sessionId) throws IOException {
    return SlotFile.create(pathFor(sessionId), 8, PAYLOAD_LENGTH);
  }

  private Path pathFor(int sessionId) {
    return SlotFile.pathFor(aeronDirectory, STREAM_ID, sessionId);
  }
}
