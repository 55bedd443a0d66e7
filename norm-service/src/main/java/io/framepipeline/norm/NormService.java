package io.framepipeline.norm;

import io.framepipeline.common.delivery.AnswerStage;
import io.framepipeline.common.topology.Stage;

/** The last stage: answers each float frame with its Frobenius norm as a 64×64 matrix. */
public final class NormService {
  private NormService() {}

  public static void main(String[] args) {
    System.exit(AnswerStage.run(Stage.NORM, NormKernel::new));
  }
}
