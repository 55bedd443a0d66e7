package io.framepipeline.systemtests;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.OutputStream;
import java.lang.ProcessBuilder.Redirect;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What can be read, how it ends, and what is refused. */
@Timeout(value = 3, unit = TimeUnit.MINUTES)
class SourceIT {
  @TempDir private Path directory;

  @Test
  void shouldPrintTheRightNormOfEveryFrameOfAFileOnce() throws Exception {
    byte[] bytes = Reference.frames(3000, 1);
    Path file = Files.write(directory.resolve("frames.bin"), bytes);
    try (PipelineProcess run =
        PipelineProcess.run(
            directory,
            "--source",
            file.toString(),
            "--print",
            "all",
            "--reciprocals",
            "2",
            "--norms",
            "2")) {
      assertThat(run.awaitExit()).isZero();
      run.assertNothingLost(3000);
      Reference.assertPrinted(run.out(), bytes);
    }
  }

  @Test
  void shouldReadAFileAgainAndAgain() throws Exception {
    byte[] bytes = Reference.frames(100, 2);
    Path file = Files.write(directory.resolve("frames.bin"), bytes);
    try (PipelineProcess run =
        PipelineProcess.run(
            directory, "--source", file.toString(), "--repeat", "--frames", "10000")) {
      assertThat(run.awaitExit()).isZero();
      run.assertNothingLost(10_000);
    }
  }

  @Test
  void shouldReadADeviceUntilTheFrameLimitOfEachReader() throws Exception {
    try (PipelineProcess run =
        PipelineProcess.run(directory, "--frames", "20000", "--readers", "2")) {
      assertThat(run.awaitExit()).isZero();
      run.assertNothingLost(40_000);
      // Uniform random bytes: mean 5.108, standard deviation 0.40, of the mean of 40,000 0.002.
      assertThat(run.report().get("normMean").asDouble()).isBetween(5.09, 5.13);
    }
  }

  @Test
  void shouldNormZerosTo64() throws Exception {
    try (PipelineProcess run =
        PipelineProcess.run(directory, "--source", "/dev/zero", "--frames", "1000")) {
      assertThat(run.awaitExit()).isZero();
      run.assertNothingLost(1000);
      assertThat(run.report().get("normMin").asDouble()).isEqualTo(64.0);
      assertThat(run.report().get("normMax").asDouble()).isEqualTo(64.0);
    }
  }

  @Test
  void shouldEndAtOnceWithALedgerOfZerosIfTheInputIsEmpty() throws Exception {
    try (PipelineProcess run = PipelineProcess.run(directory, "--source", "-")) {
      assertThat(run.awaitExit()).isZero();
      run.assertNothingLost(0);
    }
  }

  @Test
  void shouldReadAFifoWhoseWriterDeliversAFewBytesAtATime() throws Exception {
    byte[] bytes = Reference.frames(20, 2);
    Path fifo = directory.resolve("fifo");
    assertThat(new ProcessBuilder("mkfifo", fifo.toString()).start().waitFor()).isZero();
    try (PipelineProcess run =
        PipelineProcess.run(directory, "--source", fifo.toString(), "--print", "all")) {
      writeInPieces(fifo, bytes, 777);
      assertThat(run.awaitExit()).isZero();
      Reference.assertPrinted(run.out(), bytes);
    }
  }

  @Test
  void shouldDeliverWholeFramesOfAPipeThatEndsInsideAFrameAndRefuseTheRest() throws Exception {
    byte[] bytes = Reference.frames(5, 3);
    try (PipelineProcess run =
        PipelineProcess.run(
            directory, Redirect.PIPE, Map.of(), "--source", "-", "--print", "all")) {
      try (OutputStream input = run.process().getOutputStream()) {
        input.write(bytes);
        input.write(new byte[100]);
      }
      assertThat(run.awaitExit()).isEqualTo(65);
      assertThat(run.err()).contains("100 bytes are left over").contains("pad");
      Reference.assertPrinted(run.out(), bytes);
    }
  }

  @Test
  void shouldPadTheLastFrameIfAskedTo() throws Exception {
    byte[] bytes = Reference.frames(5, 4);
    Path file =
        Files.write(directory.resolve("padded.bin"), Arrays.copyOf(bytes, bytes.length - 1000));
    Arrays.fill(bytes, bytes.length - 1000, bytes.length, (byte) 0);
    try (PipelineProcess run =
        PipelineProcess.run(
            directory, "--source", file.toString(), "--partial-frame", "pad", "--print", "all")) {
      assertThat(run.awaitExit()).isZero();
      run.assertNothingLost(5);
      Reference.assertPrinted(run.out(), bytes);
    }
  }

  @Test
  void shouldRefuseWhatCannotBeReadWithOneLineBeforeAnythingIsStarted() throws Exception {
    Path partial = Files.write(directory.resolve("partial.bin"), new byte[5000]);
    assertRefused(66, "/no/such/file: no such file", "--source", "/no/such/file");
    assertRefused(66, directory + ": is a directory", "--source", directory.toString());
    assertRefused(
        65, "5000 bytes is no multiple of 4096, 904 bytes", "--source", partial.toString());
    assertRefused(64, "standard input", "--source", "-", "--readers", "2");
    assertRefused(64, "--norms=0: must be from 1 to", "--norms", "0");
    assertRefused(64, "--frobnicate", "--frobnicate");
  }

  @Test
  void shouldRefuseAWrongSettingWithOneLineThatNamesItBeforeAnythingIsStarted() throws Exception {
    assertRefused(
        64,
        "READER_WINDOW_FRAMES=1000: must be a power of two",
        Map.of("READER_WINDOW_FRAMES", "1000"));
    assertRefused(
        64,
        "PIPELINE_SHARED_MEMORY=much: must be a number of bytes",
        Map.of("PIPELINE_SHARED_MEMORY", "much"));
    assertRefused(
        64,
        "PIPELINE_SHARED_MEMORY allows 10 MiB, but reader=1 reciprocal=1 ",
        Map.of("PIPELINE_SHARED_MEMORY", "10m"));
    assertRefused(64, "METRICS_PORT=http: must be a whole number", Map.of("METRICS_PORT", "http"));
    assertRefused(
        64,
        "READER_MAX_DELIVERIES=0: must be a whole number",
        Map.of("READER_MAX_DELIVERIES", "0"));
  }

  private void assertRefused(int exitCode, String reason, String... options) throws Exception {
    assertRefused(exitCode, reason, Map.of(), options);
  }

  private void assertRefused(
      int exitCode, String reason, Map<String, String> settings, String... options)
      throws Exception {
    try (PipelineProcess run = PipelineProcess.run(directory, settings, options)) {
      assertThat(run.awaitExit()).as(reason).isEqualTo(exitCode);
      assertThat(run.err().lines()).singleElement().asString().contains(reason);
      assertThat(run.runDirectory()).doesNotExist();
    }
  }

  private static void writeInPieces(Path fifo, byte[] bytes, int length) throws IOException {
    try (OutputStream out = Files.newOutputStream(fifo)) {
      for (int from = 0; from < bytes.length; from += length) {
        out.write(bytes, from, Math.min(length, bytes.length - from));
        out.flush();
      }
    }
  }
}
