package io.framepipeline.systemtests;

import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** What processes print, cut to what a failure's message shows. */
final class Lines {
  private Lines() {}

  /** The last lines, at most so many. */
  static String last(int count, Stream<String> all) {
    List<String> lines = all.toList();
    return lines.stream()
        .skip(Math.max(0, lines.size() - count))
        .collect(Collectors.joining(System.lineSeparator()));
  }
}
