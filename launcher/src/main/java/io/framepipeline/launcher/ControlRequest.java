package io.framepipeline.launcher;

import io.framepipeline.common.config.ExitException;
import io.framepipeline.common.topology.Stage;
import java.util.Map;

/**
 * What another command asks of a running one; the answer is a {@link RunStatus}.
 *
 * @param scale how many instances to have from now on; empty if the command only asks for the
 *     status
 */
record ControlRequest(Map<Stage, Integer> scale) {
  static final ControlRequest STATUS = new ControlRequest(Map.of());

  ControlRequest {
    scale = scale == null ? Map.of() : Map.copyOf(scale);
  }

  /**
   * Checks the counts.
   *
   * @throws ExitException if one is out of bounds
   */
  void check() {
    scale.forEach((stage, count) -> RunOptions.checkInstances(stage.label(), count));
  }
}
