package io.framepipeline.systemtests;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;

/** Checks each norm of a {@link NumberedFifo}'s frames as it is printed; keeps none. */
final class PrintedNumbers {
  private final NumberedFifo source;
  private final Thread reader;
  private volatile String wrong;
  private long next;

  /** Reads what a run prints until it ends. */
  PrintedNumbers(NumberedFifo source, InputStream out) {
    this.source = source;
    this.reader = Thread.ofPlatform().name("printed").daemon().start(() -> read(out));
  }

  /** Checks that so many frames were printed, each once and rightly, in order. */
  void assertComplete(long frames) throws InterruptedException {
    reader.join();
    assertThat(wrong).as("line that is wrong").isNull();
    assertThat(next).as("frames that were printed").isEqualTo(frames);
  }

  private void read(InputStream out) {
    try (BufferedReader lines =
        new BufferedReader(new InputStreamReader(out, StandardCharsets.US_ASCII))) {
      for (String line = lines.readLine(); line != null && wrong == null; line = lines.readLine()) {
        check(line);
      }
    } catch (IOException e) {
      wrong = e.toString();
    }
  }

  private void check(String line) {
    String[] fields = line.split(" ", -1);
    try {
      long sequence = Long.parseLong(fields[1]);
      double expected = source.norm(sequence);
      if (fields.length != 3
          || sequence != next
          || !(Math.abs(Double.parseDouble(fields[2]) - expected)
              <= expected * Reference.TOLERANCE)) {
        wrong = line + " instead of " + next + " " + expected;
      }
      next = sequence + 1;
    } catch (NumberFormatException | IndexOutOfBoundsException e) {
      wrong = line;
    }
  }
}
