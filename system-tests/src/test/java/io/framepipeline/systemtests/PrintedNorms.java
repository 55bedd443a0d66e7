package io.framepipeline.systemtests;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/** What norms printed, by source and frame; across a crash a frame may be printed again. */
final class PrintedNorms {
  private final Map<Integer, Map<Integer, List<Double>>> bySource = new HashMap<>();

  PrintedNorms(List<String> lines) {
    for (String line : lines) {
      String[] fields = line.split(" ");
      assertThat(fields).as(line).hasSize(3);
      bySource
          .computeIfAbsent(Integer.valueOf(fields[0]), sourceId -> new TreeMap<>())
          .computeIfAbsent(Integer.valueOf(fields[1]), sequence -> new ArrayList<>())
          .add(Double.valueOf(fields[2]));
    }
  }

  Set<Integer> sources() {
    return bySource.keySet();
  }

  /** The frames of a source that were printed. */
  Set<Integer> frames(int source) {
    return bySource.get(source).keySet();
  }

  /** Checks that every line of every source has the norm of the frame that it names. */
  void assertRight(byte[] bytes) {
    bySource.forEach(
        (source, norms) ->
            norms.forEach(
                (frame, printed) -> {
                  double expected = Reference.norm(bytes, frame);
                  assertThat(printed)
                      .as("norm of frame %d of source %d", frame, source)
                      .allSatisfy(
                          norm ->
                              assertThat(norm)
                                  .isCloseTo(expected, within(expected * Reference.TOLERANCE)));
                }));
  }
}
