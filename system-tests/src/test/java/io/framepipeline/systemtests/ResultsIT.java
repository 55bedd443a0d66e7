package io.framepipeline.systemtests;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.framepipeline.common.metrics.StageStats;
import io.framepipeline.common.topology.Stage;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.lang.ProcessBuilder.Redirect;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.channels.FileChannel.MapMode;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.agrona.IoUtil;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Where norms go, and what happens if they cannot. */
@Timeout(value = 5, unit = TimeUnit.MINUTES)
class ResultsIT {
  private static final int FRAMES = 3000;
  private static final int HEADER_LENGTH = 128;

  @TempDir private Path directory;

  /** In shared memory, which is another file system than most. */
  @Test
  void shouldWriteAnArrayAnywhereAndReplaceThatOfTheRunBefore() throws Exception {
    byte[] bytes = Reference.frames(FRAMES, 5);
    Path file = Files.write(directory.resolve("frames.bin"), bytes);
    Path elsewhere = Files.createTempDirectory(Path.of("/dev/shm"), "results-it");
    try {
      Path results = Files.writeString(elsewhere.resolve("norms.npy"), "of another run");
      try (PipelineProcess run =
          PipelineProcess.run(
              directory, "--source=" + file, "--results=" + results, "--readers=2", "--norms=2")) {
        assertThat(run.awaitExit()).isZero();
        run.assertNothingLost(2 * FRAMES);
        assertThat(run.out()).isEmpty();
      }
      for (Path array : List.of(results, elsewhere.resolve("norms.1.npy"))) {
        double[] norms = rows(array);
        assertThat(norms).hasSize(FRAMES);
        assertThat(Files.size(array)).isEqualTo(HEADER_LENGTH + (long) FRAMES * Double.BYTES);
        for (int frame = 0; frame < FRAMES; frame++) {
          double expected = Reference.norm(bytes, frame);
          assertThat(Math.abs(norms[frame] - expected))
              .as("norm of frame %d", frame)
              .isLessThanOrEqualTo(expected * Reference.TOLERANCE);
        }
      }
    } finally {
      IoUtil.delete(elsewhere.toFile(), true);
    }
  }

  @Test
  void shouldHoldBackTheSourceWhileNobodyReadsStandardOutput() throws Exception {
    try (PipelineProcess run =
            PipelineProcess.runPiped(directory, "--source=/dev/zero", "--print=all");
        LedgerSampler ledger = LedgerSampler.of(run)) {
      StageStats reader = run.stats(Stage.READER);
      await()
          .atMost(PipelineProcess.LIMIT)
          .until(() -> reader.ledger.read().framesInFlight() == 65_536);
      long read = reader.ledger.read().framesRead();
      TimeUnit.SECONDS.sleep(1);
      assertThat(reader.ledger.read().framesRead()).isEqualTo(read);
      run.signal("TERM");
      try (BufferedReader lines = reader(run)) {
        // The source may read on until it is told to stop, as soon as there is room.
        long lineCount = 0;
        for (String line; (line = lines.readLine()) != null; lineCount++) {
          assertThat(line).isEqualTo("0 " + lineCount + " 64.0");
        }
        assertThat(run.awaitExit()).isZero();
        ledger.assertAlwaysAddedUp();
        assertThat(lineCount).isGreaterThanOrEqualTo(read);
        run.assertNothingLost(lineCount);
      }
      assertThat(run.report().get("framesRedelivered").asLong()).isZero();
    }
  }

  @Test
  void shouldEndWhenWhoeverReadsStandardOutputGoesAway() throws Exception {
    try (PipelineProcess run =
        PipelineProcess.runPiped(directory, "--source=/dev/zero", "--print=all")) {
      try (BufferedReader lines = reader(run)) {
        assertThat(lines.readLine()).isEqualTo("0 0 64.0");
      }
      assertThat(run.awaitExit()).isEqualTo(74);
      assertThat(run.err()).containsOnlyOnce("reader: results to standard output: Broken pipe;");
    }
  }

  @Test
  void shouldEndWhenStandardOutputIsFull() throws Exception {
    try (PipelineProcess run =
        PipelineProcess.run(directory, "--source=/dev/zero", "--results=/dev/full")) {
      assertThat(run.awaitExit()).isEqualTo(74);
      assertThat(run.err())
          .containsOnlyOnce("reader: results to /dev/full: No space left on device;");
      assertThat(run.report().get("framesAcknowledged").asLong()).isZero();
    }
  }

  @Test
  void shouldLeaveAWholeArrayIfThereIsNoMoreRoom() throws Exception {
    Path results = directory.resolve("norms.npy");
    // More than any file that the pipeline itself needs.
    SharedMemory limited = SharedMemory.withFilesUpTo(18 * 1024);
    try (PipelineProcess run =
        PipelineProcess.run(
            limited,
            directory,
            Redirect.from(Path.of("/dev/null").toFile()),
            Map.of(),
            "--source=/dev/zero",
            "--results=" + results)) {
      assertThat(run.awaitExit()).isEqualTo(74);
      assertThat(run.err()).containsOnlyOnce("reader: results to " + results + ": ");
      double[] norms = rows(results);
      assertThat((long) norms.length)
          .isPositive()
          .isEqualTo(run.report().get("framesAcknowledged").asLong());
      assertThat(Files.size(results)).isEqualTo(HEADER_LENGTH + (long) norms.length * Double.BYTES);
      // Not by AssertJ, which would make an object of each.
      assertThat(Arrays.stream(norms).allMatch(norm -> norm == 64.0)).as("all 64").isTrue();
    }
  }

  @Test
  void shouldRefuseWhatCannotBeWrittenWithOneLineBeforeAnythingIsStarted() throws Exception {
    Path file = Files.write(directory.resolve("frames.bin"), Reference.frames(1, 6));
    assertRefused("its directory is missing", "--results=" + directory.resolve("missing/norms"));
    assertRefused("is a directory", "--results=" + directory);
    assertRefused("is the source", "--source=" + file, "--results=" + file);
    assertRefused("--print", "--print=all", "--results=" + directory.resolve("norms"));
    assertThat(file).hasSize(4096);
  }

  private void assertRefused(String reason, String... options) throws Exception {
    try (PipelineProcess run = PipelineProcess.run(directory, options)) {
      assertThat(run.awaitExit()).as(String.join(" ", options)).isEqualTo(64);
      assertThat(run.err().lines()).singleElement().asString().contains(reason);
      assertThat(run.runDirectory()).doesNotExist();
    }
  }

  private static BufferedReader reader(PipelineProcess run) {
    return new BufferedReader(
        new InputStreamReader(run.process().getInputStream(), StandardCharsets.US_ASCII));
  }

  /** The rows that the header of a NumPy file names. */
  private static double[] rows(Path file) throws IOException {
    ByteBuffer bytes;
    try (FileChannel channel = FileChannel.open(file)) {
      bytes = channel.map(MapMode.READ_ONLY, 0, channel.size());
    }
    String header = StandardCharsets.ISO_8859_1.decode(bytes.slice(0, HEADER_LENGTH)).toString();
    assertThat(header).contains("'descr': '<f8', 'fortran_order': False").endsWith("\n");
    double[] rows = new double[Integer.parseInt(header.replaceAll("(?s).*\\((\\d+),.*", "$1"))];
    bytes.position(HEADER_LENGTH).slice().order(ByteOrder.LITTLE_ENDIAN).asDoubleBuffer().get(rows);
    return rows;
  }
}
