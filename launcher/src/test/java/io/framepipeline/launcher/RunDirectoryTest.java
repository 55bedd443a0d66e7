package io.framepipeline.launcher;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RunDirectoryTest {
  @TempDir private Path directory;

  @Test
  void shouldNotTakeDirectoriesWithoutAnOwnerForRunningPipelines() throws Exception {
    Files.createDirectory(directory.resolve("frame-pipeline-1"));
    Path killed = Files.createDirectory(directory.resolve("frame-pipeline-2"));
    Files.createFile(killed.resolve("lock"));
    Files.createFile(directory.resolve("frame-pipeline-3"));
    assertThat(RunDirectory.running(directory)).isEmpty();
  }

  @Test
  void shouldClearAwayWhatKilledCommandsHaveLeftBehind() throws Exception {
    Path killed = killedRun(directory, "frame-pipeline-2");
    Files.createFile(Files.createDirectory(killed.resolve("aeron")).resolve("cnc.dat"));
    try (RunDirectory own = RunDirectory.create(directory)) {
      assertThat(directory).isDirectoryContaining(own.path()::equals);
      assertThat(killed).doesNotExist();
    }
    assertThat(directory).isEmptyDirectory();
  }

  @Test
  void shouldFollowNoLinkWhenItClearsAway() throws Exception {
    Path elsewhere = Files.createDirectory(directory.resolve("elsewhere"));
    Path victim = Files.createFile(elsewhere.resolve("victim"));
    Path shared = Files.createDirectory(directory.resolve("shm"));
    Path killed = killedRun(shared, "frame-pipeline-2");
    Files.createSymbolicLink(killed.resolve("aeron"), elsewhere);
    Files.createSymbolicLink(killed.resolve("cnc.dat"), victim);
    Path linked = killedRun(elsewhere, "run");
    Path link = Files.createSymbolicLink(shared.resolve("frame-pipeline-3"), linked);

    RunDirectory.create(shared).close();

    assertThat(killed).doesNotExist();
    assertThat(victim).exists();
    assertThat(linked.resolve("lock")).exists();
    assertThat(link).isSymbolicLink();
  }

  @Test
  void shouldLeaveOtherUsersDirectoriesAlone() throws Exception {
    Path other = killedRun(directory, "frame-pipeline-2");
    assumeTrue(
        "root".equals(System.getProperty("user.name")), "NOT TESTED: only root can give away");
    Files.setAttribute(other, "unix:uid", 54_321);

    RunDirectory.create(directory).close();

    assertThat(other.resolve("lock")).exists();
  }

  @Test
  void shouldKeepOtherUsersOut() throws Exception {
    try (RunDirectory own = RunDirectory.create(directory)) {
      assertThat(Files.getPosixFilePermissions(own.path()))
          .isEqualTo(PosixFilePermissions.fromString("rwx------"));
    }
  }

  @Test
  void shouldTakeAnotherNameIfItsOwnIsTaken() throws Exception {
    Path taken = directory.resolve("frame-pipeline-" + ProcessHandle.current().pid());
    Files.createFile(taken);
    try (RunDirectory own = RunDirectory.create(directory)) {
      assertThat(own.path().toString()).startsWith(taken + "-");
      assertThat(Files.getPosixFilePermissions(own.path()))
          .isEqualTo(PosixFilePermissions.fromString("rwx------"));
    }
    assertThat(taken).exists();
  }

  @Test
  void shouldNoticeWhatIsDeletedUnderIt() throws Exception {
    try (RunDirectory own = RunDirectory.create(directory)) {
      Path doorbells = own.path().resolve("aeron.doorbells");
      assertThat(own.missing()).isEmpty();
      Files.createFile(doorbells);
      assertThat(own.missing()).isEmpty();

      Files.move(doorbells, directory.resolve("elsewhere"));
      assertThat(own.missing()).contains(doorbells);
      Files.createFile(doorbells);
      assertThat(own.missing()).contains(doorbells);

      Files.delete(doorbells);
      Files.move(directory.resolve("elsewhere"), doorbells);
      assertThat(own.missing()).isEmpty();
      Files.delete(own.path().resolve("lock"));
      assertThat(own.missing()).contains(own.path().resolve("lock"));
    }
  }

  @Test
  void shouldNotDeleteWhatHasTakenItsPlace() throws Exception {
    RunDirectory own = RunDirectory.create(directory);
    Files.move(own.path(), directory.resolve("elsewhere"));
    Files.createDirectory(own.path());

    own.close();

    assertThat(own.path()).exists();
  }

  private static Path killedRun(Path directory, String name) throws IOException {
    Path run = Files.createDirectory(directory.resolve(name));
    Files.createFile(run.resolve("lock"));
    return run;
  }
}
