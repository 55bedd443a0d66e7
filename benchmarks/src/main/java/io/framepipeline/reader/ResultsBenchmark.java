package io.framepipeline.reader;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;

/** What it takes to write a norm, as a row of an array or as a line, to a file in memory. */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
public class ResultsBenchmark {
  /** After so many the file begins anew: it must not fill the memory. */
  private static final int ROWS = 1 << 22;

  @Param({"npy", "lines"})
  private String format;

  private FileChannel channel;
  private ResultsOutput output;
  private long sequence;

  @Setup
  public void open() throws IOException {
    Path file = Files.createTempFile(Path.of("/dev/shm"), "results", ".benchmark");
    channel = FileChannel.open(file, StandardOpenOption.WRITE);
    // Open, it needs no name; and whatever ends this JVM, the memory is free again.
    Files.delete(file);
    output = newOutput();
  }

  @TearDown
  public void close() throws IOException {
    channel.close();
  }

  /** Norms as those of random bytes: 17 digits. */
  @Benchmark
  public long write() throws IOException {
    if (!output.hasRoom()) {
      output.flush();
      if (sequence >= ROWS) {
        sequence = 0;
        channel.truncate(0);
        output = newOutput();
      }
    }
    output.add(sequence, 5 + 1.0 / (3 + sequence));
    return sequence++;
  }

  private ResultsOutput newOutput() throws IOException {
    ResultsChannel results = ResultsChannel.ofFile(channel, 0);
    return format.equals("npy") ? new NpyOutput(results) : new LinesOutput(results, 0);
  }
}
