package io.framepipeline.systemtests;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.function.LongToDoubleFunction;

/** Checks each norm of numbered frames as it is printed; keeps none. */
final class PrintedNumbers {
  private final LongToDoubleFunction norm;
  private final boolean mayRepeat;
  private final Thread reader;
  private volatile String wrong;
  private long next;
  private int repeats;

  private PrintedNumbers(LongToDoubleFunction norm, boolean mayRepeat, InputStream out) {
    this.norm = norm;
    this.mayRepeat = mayRepeat;
    this.reader = Thread.ofPlatform().name("printed").daemon().start(() -> read(out));
  }

  /**
   * Reads what a run prints until it ends.
   *
   * @param norm that the frame with a number must have
   */
  static PrintedNumbers of(LongToDoubleFunction norm, InputStream out) {
    return new PrintedNumbers(norm, false, out);
  }

  /** The same of a run whose reader may be killed: then some of the last lines may come again. */
  static PrintedNumbers withRepeats(LongToDoubleFunction norm, InputStream out) {
    return new PrintedNumbers(norm, true, out);
  }

  /** Reads what a run has written. */
  static PrintedNumbers of(LongToDoubleFunction norm, Path results) throws IOException {
    return new PrintedNumbers(norm, false, Files.newInputStream(results));
  }

  /**
   * Checks that so many frames were printed, each rightly and in order, and once unless some may
   * come again.
   */
  void assertComplete(long frames) throws InterruptedException {
    reader.join();
    assertThat(wrong).as("line that is wrong").isNull();
    assertThat(next).as("frames that were printed").isEqualTo(frames);
  }

  /** How often a line was followed by one that had come before. */
  int repeats() {
    return repeats;
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
      double expected = norm.applyAsDouble(sequence);
      boolean isRepeat = mayRepeat && sequence < next;
      repeats += isRepeat ? 1 : 0;
      if (fields.length != 3
          || !fields[0].equals("0")
          || !(sequence == next || isRepeat)
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
