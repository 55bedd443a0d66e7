package io.framepipeline.common.topology;

import java.util.EnumMap;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * How many instances of each stage there are, or are to be. What they need grows with these.
 *
 * @param byStage a count for every stage
 */
public record InstanceCounts(Map<Stage, Integer> byStage) {
  /** One instance of each stage. */
  public static final InstanceCounts ONE_OF_EACH = of(Map.of());

  /** Of a count for each stage; 1 where it is missing. */
  public static InstanceCounts of(Map<Stage, Integer> counts) {
    Map<Stage, Integer> complete = new EnumMap<>(Stage.class);
    Stage.ALL.forEach(stage -> complete.put(stage, counts.getOrDefault(stage, 1)));
    return new InstanceCounts(complete);
  }

  /** One instance more of each stage. */
  public InstanceCounts plusOneOfEach() {
    Map<Stage, Integer> more = new EnumMap<>(byStage);
    more.replaceAll((stage, count) -> count + 1);
    return new InstanceCounts(more);
  }

  /** How many instances of a stage. */
  public int of(Stage stage) {
    return byStage.get(stage);
  }

  /** How many instances there are together. */
  public int total() {
    return byStage.values().stream().mapToInt(Integer::intValue).sum();
  }

  /** How many logs carry frames from a stage to the next one: one a sender and receiver. */
  public long frameLogs(Stage from) {
    return from.isLast() ? 0 : (long) of(from) * of(from.next());
  }

  /** How many logs carry answers, from the last stage to the first one. */
  public long answerLogs() {
    return (long) of(Stage.last()) * of(Stage.first());
  }

  /** As {@code reader=1 reciprocal=2 norm=1}. */
  @Override
  public String toString() {
    return byStage.entrySet().stream()
        .map(entry -> entry.getKey().label() + "=" + entry.getValue())
        .collect(Collectors.joining(" "));
  }
}
