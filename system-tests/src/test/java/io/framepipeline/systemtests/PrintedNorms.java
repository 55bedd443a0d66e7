package io.framepipeline.systemtests;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.assertj.core.api.AbstractDoubleAssert;

/** What readers printed, by reader; each frame once, and in order. */
final class PrintedNorms {
  private final Map<Integer, List<Double>> byReader = new TreeMap<>();

  PrintedNorms(List<String> lines) {
    for (String line : lines) {
      String[] fields = line.split(" ");
      assertThat(fields).as(line).hasSize(3);
      List<Double> norms =
          byReader.computeIfAbsent(Integer.valueOf(fields[0]), reader -> new ArrayList<>());
      assertThat(fields[1]).as("the sequence that is next").isEqualTo("" + norms.size());
      norms.add(Double.valueOf(fields[2]));
    }
  }

  Set<Integer> readers() {
    return byReader.keySet();
  }

  /** How many frames of a reader were printed: its first ones. */
  int frames(int reader) {
    return byReader.get(reader).size();
  }

  /**
   * Checks that every line of every reader has the norm of the frame that it names.
   *
   * @param abandoned frames that have none
   */
  void assertRight(byte[] bytes, Integer... abandoned) {
    Set<Integer> without = Set.of(abandoned);
    byReader.forEach(
        (reader, norms) -> {
          for (int frame = 0; frame < norms.size(); frame++) {
            AbstractDoubleAssert<?> norm =
                assertThat(norms.get(frame).doubleValue())
                    .as("norm of frame %d of reader %d", frame, reader);
            if (without.contains(frame)) {
              norm.isNaN();
            } else {
              double expected = Reference.norm(bytes, frame);
              norm.isCloseTo(expected, within(expected * Reference.TOLERANCE));
            }
          }
        });
  }
}
