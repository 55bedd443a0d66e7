package io.framepipeline.reader;

import static org.assertj.core.api.Assertions.assertThat;

import io.framepipeline.common.transport.SharedMemorySize;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(value = 1, unit = TimeUnit.MINUTES)
class ReaderFilesTest {
  private static final String SETTINGS = "READER_SOURCE=größe.bin READER_FRAMES=";
  private static final int WINDOW = 16;
  private static final int HAS_ENDED_OFFSET = 32;

  @TempDir private Path directory;

  @Test
  void shouldNumberReadersThatShareADriversMemory() throws IOException {
    assertThat(open().number()).isZero();
    assertThat(open().number()).isEqualTo(1);
    assertThat(files().openForProcess(WINDOW).number()).isEqualTo(2);
    assertThat(open().number()).isEqualTo(3);
    assertThat(aeronDirectory()).as("the driver deletes it").doesNotExist();
  }

  @Test
  void shouldGoOnWithADeadReadersFiles() throws Exception {
    Dead dead = new Dead(SETTINGS, 2);

    ReaderFile first = open();
    ReaderFile second = open();
    assertThat(first.number()).isZero();
    assertThat(second.number()).isEqualTo(1);
    assertThat(first.generation()).isEqualTo(1);
    assertThat(first.sourceId()).isEqualTo(dead.sourceIds[0]);
    assertThat(first.memory().input.position()).isEqualTo(Dead.POSITION);
    assertThat(first.ring().slots().isStill(Dead.PAYLOAD)).isTrue();
    assertThat(open().number()).as("those live").isEqualTo(2);
  }

  @Test
  void shouldLeaveFilesOfADeadReaderWithOtherSettingsAlone() throws Exception {
    new Dead("READER_SOURCE=other", 1);

    ReaderFile file = open();
    assertThat(file.number()).isEqualTo(1);
    assertThat(file.generation()).isZero();
    assertThat(new ReaderFiles(aeronDirectory()).open("READER_SOURCE=other", WINDOW).generation())
        .isEqualTo(1);
  }

  @Test
  void shouldKeepTheNumberOfAReaderThatHasEnded() throws IOException {
    open().delete();

    assertThat(open().number()).isEqualTo(1);
    try (Stream<Path> files = Files.list(directory.resolve("aeron.readers"))) {
      assertThat(files.map(file -> file.getFileName().toString()))
          .containsExactlyInAnyOrder("0", "1", "1.ring", "lock");
    }
  }

  @Test
  void shouldGiveBackTheNumberOfAReaderThatIsRefused() throws IOException {
    files().discard(open());

    assertThat(directory.resolve("aeron.readers/0")).doesNotExist();
    assertThat(directory.resolve("aeron.readers/0.ring")).doesNotExist();
    assertThat(open().number()).isZero();
  }

  @Test
  void shouldKeepADeadReadersFilesIfItsSuccessorIsRefused() throws Exception {
    new Dead(SETTINGS, 1);
    ReaderFile successor = open();
    assertThat(successor.generation()).isEqualTo(1);

    files().discard(successor);

    assertThat(directory.resolve("aeron.readers/0")).hasSize(ReaderFile.LENGTH);
    assertThat(successor.memory().input.position()).isEqualTo(Dead.POSITION);
    assertThat(successor.ring().slots().isStill(Dead.PAYLOAD)).isTrue();
    assertThat(directory.resolve("aeron.readers/0.ring")).exists();
  }

  @Test
  void shouldNotGoOnWithAReaderThatWasKilledWhileItDeletedItsFiles() throws Exception {
    new Dead(SETTINGS, 1);
    Path readers = directory.resolve("aeron.readers");
    try (RandomAccessFile file = new RandomAccessFile(readers.resolve("0").toFile(), "rw")) {
      file.seek(HAS_ENDED_OFFSET);
      file.write(1);
    }

    assertThat(open().number()).isEqualTo(1);
    assertThat(readers.resolve("0")).isEmptyFile();
    assertThat(readers.resolve("0.ring")).doesNotExist();
  }

  @Test
  void shouldDeleteWhatAReaderLeftThatWasKilledWhileItMadeItsFiles() throws IOException {
    Path readers = Files.createDirectory(directory.resolve("aeron.readers"));
    Files.createFile(readers.resolve("0.ring"));
    Files.createFile(readers.resolve("0.new"));

    assertThat(open().number()).isZero();
    assertThat(readers.resolve("0.new")).doesNotExist();
  }

  @Test
  void shouldLeaveAFileOfAnotherVersionAlone() throws IOException {
    Path readers = Files.createDirectory(directory.resolve("aeron.readers"));
    Files.write(readers.resolve("0"), new byte[] {1, 2, 3});

    assertThat(open().number()).isEqualTo(1);
    assertThat(readers.resolve("0")).hasBinaryContent(new byte[] {1, 2, 3});
  }

  @Test
  void shouldTakeNoMoreThanIsReckonedWith() {
    assertThat((long) ReaderFile.LENGTH).isLessThanOrEqualTo(SharedMemorySize.READER_LENGTH);
  }

  private ReaderFile open() throws IOException {
    return files().open(SETTINGS, WINDOW);
  }

  private ReaderFiles files() {
    return new ReaderFiles(aeronDirectory());
  }

  private Path aeronDirectory() {
    return directory.resolve("aeron");
  }

  /** A process that makes readers' files and is killed. */
  private final class Dead {
    static final long POSITION = 4096 + 7;
    static final long PAYLOAD = 5;

    final int[] sourceIds;

    Dead(String settings, int readers) throws Exception {
      Process process =
          new ProcessBuilder(
                  Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                  "--add-opens=java.base/jdk.internal.misc=ALL-UNNAMED",
                  "-Dstdout.encoding=UTF-8",
                  "-cp",
                  System.getProperty("java.class.path"),
                  Main.class.getName(),
                  aeronDirectory().toString(),
                  settings.equals(SETTINGS) ? "" : settings,
                  Integer.toString(readers))
              .redirectError(ProcessBuilder.Redirect.INHERIT)
              .start();
      sourceIds = new int[readers];
      var out = process.inputReader();
      for (int reader = 0; reader < readers; reader++) {
        sourceIds[reader] = Integer.parseInt(out.readLine());
      }
      process.destroyForcibly().waitFor();
    }
  }

  /** Makes readers' files, with arguments: directory, settings or none for the usual, readers. */
  static final class Main {
    private Main() {}

    public static void main(String[] arguments) throws Exception {
      String settings = arguments[1].isEmpty() ? SETTINGS : arguments[1];
      for (int reader = 0; reader < Integer.parseInt(arguments[2]); reader++) {
        ReaderFile file = new ReaderFiles(Path.of(arguments[0])).open(settings, WINDOW);
        file.memory().input.advance(Dead.POSITION);
        file.ring().slots().written(Dead.PAYLOAD);
        System.out.println(file.sourceId());
      }
      Thread.sleep(Long.MAX_VALUE);
    }
  }
}
