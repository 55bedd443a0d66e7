package io.framepipeline.common.topology;

import java.util.EnumMap;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * For tests that compare with figures of the three stages. They are to hold for a pipeline with a
 * stage of one's own as well.
 */
public final class TestTopology {
  private static final Set<Stage> THREE = EnumSet.of(Stage.READER, Stage.RECIPROCAL, Stage.NORM);

  /** The middle stages that a user has added. */
  public static final List<Stage> FURTHER =
      Stage.ALL.stream().filter(stage -> !THREE.contains(stage)).toList();

  private TestTopology() {}

  /**
   * Counts for all stages.
   *
   * @param middles how many instances each middle stage has
   */
  public static InstanceCounts instances(int readers, int middles, int norms) {
    Map<Stage, Integer> counts = new EnumMap<>(Stage.class);
    Stage.ALL.forEach(stage -> counts.put(stage, middles));
    counts.put(Stage.first(), readers);
    counts.put(Stage.last(), norms);
    return InstanceCounts.of(counts);
  }
}
