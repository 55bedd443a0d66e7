package io.framepipeline.systemtests;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.BitSet;

/** Checks each norm of a {@link NumberedFifo}'s frames as it is printed; keeps none. */
final class PrintedNumbers {
  private final NumberedFifo source;
  private final Thread reader;
  private final BitSet seen = new BitSet();
  private volatile String wrong;
  private long repeats;

  /** Reads what a run prints until it ends. */
  PrintedNumbers(NumberedFifo source, InputStream out) {
    this.source = source;
    this.reader = Thread.ofPlatform().name("printed").daemon().start(() -> read(out));
  }

  /** Checks that so many frames were printed, each at least once and rightly. */
  void assertComplete(long frames) throws InterruptedException {
    reader.join();
    assertThat(wrong).as("line that is wrong").isNull();
    assertThat(seen.nextClearBit(0)).as("first frame that was not printed").isEqualTo((int) frames);
    assertThat(seen.length()).isEqualTo((int) frames);
  }

  /** Lines for frames that had one before. */
  long repeats() {
    return repeats;
  }

  private void read(InputStream out) {
    try (BufferedReader lines =
        new BufferedReader(new InputStreamReader(out, StandardCharsets.US_ASCII))) {
      for (String line = lines.readLine(); line != null; line = lines.readLine()) {
        check(line);
      }
    } catch (IOException e) {
      wrong = e.toString();
    }
  }

  private void check(String line) {
    String[] fields = line.split(" ", -1);
    try {
      int sequence = Integer.parseInt(fields[1]);
      double expected = source.norm(sequence);
      if (fields.length != 3
          || Math.abs(Double.parseDouble(fields[2]) - expected) > expected * Reference.TOLERANCE) {
        wrong = line + " instead of " + expected;
      }
      if (seen.get(sequence)) {
        repeats++;
      }
      seen.set(sequence);
    } catch (NumberFormatException | IndexOutOfBoundsException e) {
      wrong = line;
    }
  }
}
