package io.framepipeline.launcher;

import io.framepipeline.common.metrics.FiguresView;
import io.framepipeline.common.metrics.InstanceFigures;
import io.framepipeline.common.topology.Stage;
import java.util.List;

/**
 * How many instances a stage has, by state.
 *
 * @param running at work, and to stay
 * @param starting wanted, but not ready yet: starting up, or waiting to be started again
 * @param leaving to leave, and not ended yet
 */
record StageStatus(int running, int starting, int leaving) {
  static StageStatus of(Stage stage, int wanted, FiguresView view) {
    List<InstanceFigures> alive =
        view.instances().stream()
            .filter(instance -> instance.stage() == stage && instance.isAlive())
            .toList();
    List<InstanceFigures> staying = alive.stream().filter(one -> !one.isStopping()).toList();
    int ready = (int) staying.stream().filter(InstanceFigures::isReady).count();
    // An instance that has just been told to leave may not say so yet.
    int running = Math.min(ready, wanted);
    int leaving = alive.size() - staying.size() + Math.max(0, staying.size() - wanted);
    return new StageStatus(running, wanted - running, leaving);
  }

  /** Whether no instance is starting or leaving. */
  boolean isSettled() {
    return starting == 0 && leaving == 0;
  }

  @Override
  public String toString() {
    return running
        + " running"
        + (starting == 0 ? "" : ", " + starting + " starting")
        + (leaving == 0 ? "" : ", " + leaving + " leaving");
  }
}
