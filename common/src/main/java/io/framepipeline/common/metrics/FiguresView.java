package io.framepipeline.common.metrics;

import io.framepipeline.common.topology.Stage;
import java.util.List;
import java.util.Map;

/**
 * All figures beside a media driver, at one moment; nothing is missing and nothing is there twice.
 *
 * @param instances living and dead ones, by name
 * @param sums the figures of instances that ended earlier, for stages that have such
 */
public record FiguresView(List<InstanceFigures> instances, Map<Stage, StageStats> sums) {
  /** No instances and no sums. */
  public static final FiguresView EMPTY = new FiguresView(List.of(), Map.of());

  /** The dead readers whose frames in flight another one can take over. */
  public List<InstanceFigures> orphans() {
    return instances.stream().filter(InstanceFigures::isOrphan).toList();
  }

  FiguresView withAllDead() {
    return new FiguresView(instances.stream().map(InstanceFigures::dead).toList(), sums);
  }
}
