package io.framepipeline.reader;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;
import static org.awaitility.Awaitility.await;

import io.framepipeline.common.config.ExitException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(120)
class ResultsWriterTest {
  private static final Duration WATCHDOG = Duration.ofSeconds(60);

  /** More than a flush takes, and than the ring. */
  private static final int MANY = 2 * NormRing.CAPACITY + 77;

  @TempDir private Path directory;

  private final ReaderMemory memory = ReaderMemory.ofProcess();
  private final NormRing norms = new NormRing(memory);
  private long known;
  private ResultsWriter writer;

  @AfterEach
  void closeWriter() {
    if (writer != null) {
      writer.close();
    }
  }

  @Test
  void shouldWriteALineForEachThatReadsBackAsTheSameDouble() throws IOException {
    double[] values = {
      64, 1 / 3.0, Double.NaN, Double.MIN_VALUE, Double.MAX_VALUE, 1e7, 0.001, Math.nextUp(5.1)
    };
    Path file = start("norms.txt", 7);
    put(values);

    List<String> lines = Files.readAllLines(file);
    assertThat(lines).hasSize(values.length).startsWith("7 0 64.0").contains("7 2 NaN");
    for (int i = 0; i < values.length; i++) {
      String[] fields = lines.get(i).split(" ");
      assertThat(fields).hasSize(3).startsWith("7", "" + i);
      assertThat(Double.parseDouble(fields[2])).isEqualTo(Double.valueOf(values[i]));
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"norms.txt", "norms.npy"})
  void shouldWriteAsManyAsThereAreInTheirOrder(String name) throws IOException {
    Path file = start(name, 0);
    double[] values = new Random(1).doubles(MANY).toArray();
    for (int from = 0; from < MANY; from += 4000) {
      put(Arrays.copyOfRange(values, from, Math.min(MANY, from + 4000)));
    }

    assertThat(name.endsWith(".npy") ? readArray(file) : readLines(file)).isEqualTo(values);
  }

  @Test
  void shouldLeaveAnArrayThatCanBeLoadedAtAnyTime() throws IOException {
    Path file = start("norms.npy", 0);
    await().atMost(WATCHDOG).until(() -> Files.size(file) > 0);
    assertThat(readArray(file)).isEmpty();
    for (int rows = 1; rows < 20; rows++) {
      put(rows);
      assertThat(readArray(file))
          .containsExactly(IntStream.rangeClosed(1, rows).asDoubleStream().toArray());
    }
  }

  @ParameterizedTest
  @CsvSource({
    "norms.npy, 0, norms.npy",
    "norms.npy, 1, norms.1.npy",
    "norms, 12, norms.12",
    "a.b/norms.tar.gz, 2, a.b/norms.tar.2.gz",
    ".norms, 3, .norms.3"
  })
  void shouldPutTheNumberOfFurtherReadersBeforeTheSuffix(String name, int reader, Path file) {
    assertThat(new ResultsTarget(name).fileOf(reader)).isEqualTo(file);
  }

  @Test
  void shouldWriteOverNoFile() throws IOException {
    Path file = Files.writeString(directory.resolve("norms.npy"), "somebody's");

    assertRefused(file, "exists");
    assertThat(file).hasContent("somebody's");
  }

  @Test
  void shouldRefuseWhatCannotBeMade() {
    assertRefused(directory.resolve("missing").resolve("norms"), "NoSuchFile");
    assertThat(catchCheck(directory)).hasMessageContaining("is a directory");
    assertThat(catchCheck(directory.resolve("missing").resolve("norms")))
        .hasMessageContaining("its directory is missing");
  }

  @Test
  void shouldMakeWayForANewRunButNeverOfItsSource() throws IOException {
    Path first = Files.writeString(directory.resolve("norms.txt"), "old");
    Path second = Files.writeString(directory.resolve("norms.1.txt"), "old");
    Path third = Files.writeString(directory.resolve("norms.2.txt"), "old");
    Path source = Files.writeString(directory.resolve("frames"), "frames");
    Path link = Files.createSymbolicLink(directory.resolve("link"), source);

    new ResultsTarget(first.toString()).replace(source, 2);
    assertThat(first).doesNotExist();
    assertThat(second).doesNotExist();
    assertThat(third).exists();
    ExitException refused =
        catchThrowableOfType(
            ExitException.class, () -> new ResultsTarget(source.toString()).replace(link, 1));
    assertThat(refused).isNotNull().hasMessageContaining("is the source");
    assertThat(source).exists();
  }

  @Test
  void shouldSayThatTheOutputIsFull() {
    writer = write(new ResultsTarget("/dev/full"), 0);
    memory.setNorm(0, 1);
    norms.known(1);

    await().atMost(WATCHDOG).until(writer::hasFailed);
    ExitException failure = writer.failure();
    assertThat(failure)
        .hasMessageStartingWith("results to /dev/full: No space left on device; ")
        .hasMessageContaining("from frame 0 on");
    assertThat(failure.exitCode()).isEqualTo(74);
    assertThat(norms.written()).isZero();
  }

  @Test
  void shouldWaitForWhoeverReadsAndBeClosedAllTheSame() throws Exception {
    Path fifo = directory.resolve("fifo");
    assertThat(new ProcessBuilder("mkfifo", fifo.toString()).inheritIO().start().waitFor())
        .isZero();
    writer = write(new ResultsTarget(fifo.toString()), 0);
    try (InputStream in = Files.newInputStream(fifo)) {
      for (int sequence = 0; sequence < NormRing.CAPACITY; sequence++) {
        memory.setNorm(sequence, 5.125);
      }
      norms.known(NormRing.CAPACITY);
      assertThat(new String(in.readNBytes(10), ISO_8859_1)).isEqualTo("0 0 5.125\n");
      assertThat(norms.written()).isLessThan(NormRing.CAPACITY);

      writer.close();
      await().atMost(WATCHDOG).until(() -> resultsThread() == null);
      assertThat(writer.hasFailed()).isFalse();
      assertThat(norms.written()).isLessThan(NormRing.CAPACITY);
    }
  }

  @Test
  void shouldGoOnWithTheLinesOfADeadReader() throws IOException {
    Path file = start("norms.txt", 0);
    put(1.5, 2.5);
    closeAndAwait();
    // Written, but the reader was killed before it said so.
    Files.writeString(file, "0 2 3.5\n0 3", StandardOpenOption.APPEND);

    NormRing next = new NormRing(memory);
    assertThat(next.written()).isEqualTo(2);
    succeed(next, file, 3.5, 4.5);
    assertThat(file).content().isEqualTo("0 0 1.5\n0 1 2.5\n0 2 3.5\n0 3 4.5\n");
  }

  @Test
  void shouldGoOnWithTheRowsOfADeadReader() throws IOException {
    Path file = start("norms.npy", 0);
    put(1.5, 2.5);
    byte[] before = Files.readAllBytes(file);
    closeAndAwait();
    Files.write(file, new byte[] {1, 2, 3}, StandardOpenOption.APPEND);

    succeed(new NormRing(memory), file, 3.5);
    byte[] after = Files.readAllBytes(file);
    assertThat(after).hasSize(before.length + Double.BYTES);
    assertThat(new String(after, StandardCharsets.ISO_8859_1)).contains("'shape': (3,), }");
    ByteBuffer rows = ByteBuffer.wrap(after, 128, 24).order(ByteOrder.LITTLE_ENDIAN);
    assertThat(new double[] {rows.getDouble(), rows.getDouble(), rows.getDouble()})
        .containsExactly(1.5, 2.5, 3.5);
  }

  /** It was killed after its last commit, before it said so, and nothing is left to write. */
  @Test
  void shouldSayThatAllIsWrittenIfTheOutputKnowsMoreThanADeadReaderSaid() {
    norms.known(3);
    norms.written(1);
    ResultsTarget target = new ResultsTarget("kafka:norms");
    writer = new ResultsWriter(norms, target, () -> new KnowingOutput(3), 0);

    await().atMost(WATCHDOG).until(() -> norms.written() == 3);
    assertThat(new NormRing(memory).written()).as("for the next successor").isEqualTo(3);
  }

  /** The dead reader may have made the file and not have got any further. */
  @Test
  void shouldGoOnWithAnEmptyFileOfADeadReaderOnly() throws IOException {
    Path file = Files.createFile(directory.resolve("norms.txt"));
    assertRefused(file, "exists");

    succeed(norms, file, 1.5);
    assertThat(file).content().isEqualTo("0 0 1.5\n");
  }

  private void closeAndAwait() {
    writer.close();
    await().atMost(WATCHDOG).until(() -> resultsThread() == null);
  }

  private void succeed(NormRing ring, Path file, double... values) {
    for (double value : values) {
      memory.setNorm(known++, value);
    }
    ring.known(known);
    ResultsTarget target = new ResultsTarget(file.toString());
    writer = new ResultsWriter(ring, target, target.prepare(0, memory, true), 0);
    await().atMost(WATCHDOG).until(() -> ring.written() == known);
  }

  private Path start(String name, int reader) {
    Path file = directory.resolve(name);
    ResultsTarget target = new ResultsTarget(file.toString());
    writer = write(target, reader);
    return target.fileOf(reader);
  }

  private ResultsWriter write(ResultsTarget target, int reader) {
    return new ResultsWriter(norms, target, target.prepare(reader, memory, false), reader);
  }

  /** Has values written, and waits until they are. */
  private void put(double... values) {
    for (double value : values) {
      memory.setNorm(known++, value);
    }
    norms.known(known);
    await()
        .atMost(WATCHDOG)
        .pollInterval(Duration.ofMillis(1))
        .until(() -> norms.written() == known);
  }

  private void assertRefused(Path file, String why) {
    ExitException refused =
        catchThrowableOfType(
            ExitException.class, () -> write(new ResultsTarget(file.toString()), 0));
    assertThat(refused)
        .isNotNull()
        .hasMessageStartingWith("READER_RESULTS=" + file + ": ")
        .hasMessageContaining(why);
    assertThat(refused.exitCode()).isEqualTo(64);
  }

  private static ExitException catchCheck(Path file) {
    return catchThrowableOfType(
        ExitException.class, () -> new ResultsTarget(file.toString()).check());
  }

  private static double[] readLines(Path file) throws IOException {
    return Files.readAllLines(file).stream()
        .mapToDouble(line -> Double.parseDouble(line.split(" ", -1)[2]))
        .toArray();
  }

  /** As NumPy does. */
  private static double[] readArray(Path file) throws IOException {
    ByteBuffer bytes = ByteBuffer.wrap(Files.readAllBytes(file)).order(ByteOrder.LITTLE_ENDIAN);
    byte[] magic = new byte[8];
    bytes.get(magic);
    assertThat(magic).containsExactly(0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0);
    byte[] header = new byte[bytes.getShort()];
    bytes.get(header);
    assertThat(bytes.position() % 64).isZero();
    String dictionary = new String(header, ISO_8859_1);
    assertThat(dictionary)
        .matches("\\{'descr': '<f8', 'fortran_order': False, 'shape': \\(\\d+,\\), } *\n");
    double[] rows = new double[Integer.parseInt(dictionary.replaceAll("(?s).*\\((\\d+),.*", "$1"))];
    bytes.asDoubleBuffer().get(rows);
    return rows;
  }

  private static Thread resultsThread() {
    return Thread.getAllStackTraces().keySet().stream()
        .filter(thread -> thread.getName().equals("results") && thread.isAlive())
        .findFirst()
        .orElse(null);
  }

  /** Like Kafka, it knows how many results it has. It takes no more. */
  private record KnowingOutput(long written) implements ResultsOutput {
    @Override
    public boolean hasRoom() {
      return true;
    }

    @Override
    public void add(long sequence, double norm) {
      throw new AssertionError("a result again, or too many: " + sequence);
    }

    @Override
    public void flush() {}
  }
}
