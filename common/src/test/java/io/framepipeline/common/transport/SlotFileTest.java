package io.framepipeline.common.transport;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIOException;

import io.framepipeline.common.linux.OtherProcess;
import io.framepipeline.common.linux.OwnFiles;
import io.framepipeline.common.linux.ProcessLiveness;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
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
    assertThat(SlotFile.map(directory.resolve("missing"), PAYLOAD_LENGTH)).isNull();
    Path file = Files.write(directory.resolve("file"), new byte[100]);
    assertThat(SlotFile.map(file, PAYLOAD_LENGTH)).isNull();
  }

  /** Whatever another program has put there; to open a pipe to write waits for its reader. */
  @Test
  void shouldLeaveWhatCannotBeASlotFile() throws Exception {
    Path slots = Files.createDirectory(directory.resolve("aeron.slots"));
    Path victim = Files.write(directory.resolve("victim"), new byte[100]);
    Files.createDirectory(slots.resolve("directory"));
    Files.createSymbolicLink(slots.resolve("link"), victim);
    Files.createSymbolicLink(slots.resolve("nowhere"), slots.resolve("missing"));
    Path fifo = slots.resolve("fifo");
    assertThat(new ProcessBuilder("mkfifo", fifo.toString()).start().waitFor()).isZero();

    Path path = slots.resolve("slots");
    try (SlotFile file = SlotFile.create(path, 8, PAYLOAD_LENGTH)) {
      assertThat(file.slots().count()).isEqualTo(8);
      assertThat(slots.resolve("directory")).isDirectory();
      assertThat(Files.exists(fifo)).isTrue();
    }
    assertThat(victim).exists();
    for (String taken : new String[] {"directory", "link", "nowhere", "fifo"}) {
      Path other = slots.resolve(taken);
      assertThatIOException().as(taken).isThrownBy(() -> SlotFile.create(other, 8, PAYLOAD_LENGTH));
      assertThat(Files.exists(other, LinkOption.NOFOLLOW_LINKS)).as(taken).isTrue();
      assertThat(SlotFile.map(other, PAYLOAD_LENGTH)).as(taken).isNull();
    }
    assertThat(victim).hasSize(100);
  }

  @Test
  void shouldLeaveAFileThatAnotherProcessHasLocked() throws Exception {
    Path locked = directory.resolve("locked");
    Process owner = OtherProcess.lock(locked);
    try (SlotFile file = SlotFile.create(directory.resolve("mine"), 8, PAYLOAD_LENGTH)) {
      assertThat(locked).exists();
      assertThat(file.slots().count()).isEqualTo(8);
    } finally {
      owner.destroyForcibly().waitFor();
    }
    SlotFile.create(directory.resolve("mine"), 8, PAYLOAD_LENGTH).close();
    assertThat(locked).doesNotExist();
  }

  /**
   * One process has found an orphan, a second one deletes it, a third makes its own of that name;
   * then the first goes on.
   */
  @Test
  void shouldNotDeleteAnotherFileThatHasTheOrphansNameByNow() throws IOException {
    Path path = Files.write(directory.resolve("slots"), new byte[100]);
    Object orphan = OwnFiles.key(path);
    // Open, as in the first process: what is open keeps its identity to itself.
    try (FileChannel found = FileChannel.open(path, StandardOpenOption.READ)) {
      SlotFile.deleteIfOrphan(path, orphan);
      assertThat(path).doesNotExist();
      Files.write(path, new byte[200]);

      SlotFile.deleteIfOrphan(path, orphan);
      assertThat(path).hasSize(200);
      assertThat(found.size()).isEqualTo(100);
    }
    SlotFile.deleteIfOrphan(path, OwnFiles.key(path));
    assertThat(path).doesNotExist();
  }

  /**
   * Each looks for orphans while the others make files, which are not locked in their first moment.
   */
  @Test
  void shouldKeepTheFilesOfThreeProcessesThatMakeThemAllTheTime() throws Exception {
    List<Process> makers = new ArrayList<>();
    for (int maker = 0; maker < 3; maker++) {
      makers.add(OtherProcess.start(Maker.class, directory.resolve("aeron.slots"), maker));
    }
    for (Process maker : makers) {
      assertThat(maker.waitFor()).isZero();
    }
    assertThat(directory.resolve("aeron.slots")).isEmptyDirectory();
  }

  /** Makes and closes files, and looks whether those that it has are there. */
  static final class Maker {
    private static final int FILES = 500;
    private static final int KEPT = 4;

    private Maker() {}

    public static void main(String[] args) throws IOException {
      Deque<SlotFile> kept = new ArrayDeque<>();
      for (int i = 0; i < FILES; i++) {
        Path path = Path.of(args[0], args[1] + "-" + i);
        kept.add(SlotFile.create(path, 1, 64));
        for (int j = i - kept.size() + 1; j <= i; j++) {
          if (!Files.exists(Path.of(args[0], args[1] + "-" + j))) {
            throw new IllegalStateException("file " + j + " was deleted by another, at " + i);
          }
        }
        if (kept.size() == KEPT) {
          kept.remove().close();
        }
      }
      kept.forEach(SlotFile::close);
    }
  }

  @Test
  void shouldKeepEverythingToThisUser() throws IOException {
    Path aeronDirectory = directory.resolve("aeron");
    Path slots = SlotFile.directory(aeronDirectory);
    // As an earlier release may have left it.
    Files.createDirectory(
        slots, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwxr-xr-x")));
    Path inboxes = Files.write(ProcessLiveness.file(aeronDirectory), new byte[0]);
    Files.setPosixFilePermissions(inboxes, PosixFilePermissions.fromString("rw-r--r--"));
    Path path = SlotFile.pathFor(aeronDirectory, 1);
    Doorbells.ofDriver(aeronDirectory);
    try (ProcessLiveness liveness = new ProcessLiveness(aeronDirectory);
        SlotFile file = SlotFile.create(path, 8, PAYLOAD_LENGTH)) {
      assertThat(liveness.claim()).isNotNegative();
      assertThat(file.slots().count()).isEqualTo(8);
      assertThat(permissions(slots)).isEqualTo("rwx------");
      assertThat(permissions(path)).isEqualTo("rw-------");
      assertThat(permissions(inboxes)).isEqualTo("rw-------");
      assertThat(permissions(Doorbells.file(aeronDirectory))).isEqualTo("rw-------");
    }
  }

  private static String permissions(Path path) throws IOException {
    return PosixFilePermissions.toString(Files.getPosixFilePermissions(path));
  }
}
