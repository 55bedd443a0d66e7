package io.framepipeline.reciprocal;

import io.framepipeline.common.delivery.TransformStage;
import io.framepipeline.common.topology.Stage;

/** The middle stage: turns byte frames into float frames of reciprocals. */
public final class ReciprocalService {
  private ReciprocalService() {}

  public static void main(String[] args) {
    System.exit(TransformStage.run(Stage.RECIPROCAL, ReciprocalKernel::new));
  }
}
