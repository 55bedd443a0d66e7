package io.framepipeline.common.transport;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIOException;

import io.framepipeline.common.frame.FrameSlots;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(60)
class SlotFileTest {
  private static final int PAYLOAD_LENGTH = 4096;

  @TempDir private Path directory;

  @Test
  void shouldShowOthersWhatIsWritten() throws IOException {
    Path path = directory.resolve("slots");
    try (SlotFile file = SlotFile.create(path, 8, PAYLOAD_LENGTH)) {
      FrameSlots mapped = SlotFile.map(path, PAYLOAD_LENGTH);
      file.slots().beginWriting(3);
      file.slots().buffer().putLong(file.slots().offset(3), 42);
      file.slots().written(3);

      assertThat(mapped.count()).isEqualTo(8);
      assertThat(mapped.buffer().getLong(mapped.offset(3))).isEqualTo(42);
      assertThat(mapped.isStill(3)).isTrue();
    }
  }

  @Test
  void shouldKeepWhatIsMappedAfterTheNameIsGone() throws IOException {
    Path path = directory.resolve("slots");
    FrameSlots mapped;
    try (SlotFile file = SlotFile.create(path, 8, PAYLOAD_LENGTH)) {
      mapped = SlotFile.map(path, PAYLOAD_LENGTH);
      file.slots().written(0);
    }
    assertThat(path).doesNotExist();
    assertThat(mapped.isStill(0)).isTrue();
  }

  @Test
  void shouldFindTheSameSlotsByALink() throws IOException {
    Path link = directory.resolve("link");
    try (SlotFile file = SlotFile.create(directory.resolve("slots"), 8, PAYLOAD_LENGTH)) {
      SlotFile linked = file.link(link);
      file.slots().written(5);
      assertThat(SlotFile.map(link, PAYLOAD_LENGTH).isStill(5)).isTrue();

      linked.close();
      assertThat(link).doesNotExist();
      assertThat(file.slots().isStill(5)).as("the file's own").isTrue();
    }
  }

  @Test
  void shouldDeleteWhatTheDeadLeftAndNothingElse() throws IOException {
    Path orphan = Files.write(directory.resolve("orphan"), new byte[100]);
    Path kept = directory.resolve("kept");
    Path link = directory.resolve("link");
    try (SlotFile one = SlotFile.create(kept, 8, PAYLOAD_LENGTH);
        SlotFile linked = one.link(link);
        SlotFile other = SlotFile.create(directory.resolve("other"), 8, PAYLOAD_LENGTH)) {
      assertThat(orphan).doesNotExist();
      assertThat(kept).exists();
      assertThat(link).exists();
      assertThat(linked.slots()).isSameAs(one.slots()).isNotSameAs(other.slots());
    }
    assertThat(directory).isEmptyDirectory();
  }

  @Test
  void shouldNotMapWhatIsNotThereOrHasNoSlots() throws IOException {
    assertThatIOException()
        .isThrownBy(() -> SlotFile.map(directory.resolve("missing"), PAYLOAD_LENGTH));
    Path file = Files.write(directory.resolve("file"), new byte[100]);
    assertThatIOException().isThrownBy(() -> SlotFile.map(file, PAYLOAD_LENGTH));
  }
}
