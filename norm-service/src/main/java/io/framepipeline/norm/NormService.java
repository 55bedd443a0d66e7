package io.framepipeline.norm;

import io.framepipeline.common.metrics.StageStats;
import io.framepipeline.common.service.ServiceRunner;
import io.framepipeline.common.service.StageService;
import io.framepipeline.common.service.StageSession;
import io.framepipeline.common.transport.Channels;
import io.framepipeline.common.transport.DriverConnection;
import io.framepipeline.common.transport.Stage;

/**
 * The last stage: a float frame is a 64x64 matrix, and its Frobenius norm is what it is all for.
 */
public final class NormService implements StageService {
  private final Channels channels;
  private final StageStats stats;

  NormService(Channels channels, StageStats stats) {
    this.channels = channels;
    this.stats = stats;
  }

  public static void main(String[] args) {
    System.exit(
        ServiceRunner.run(
            Stage.NORM, (settings, common, stats) -> new NormService(common.channels(), stats)));
  }

  @Override
  public StageSession connect(DriverConnection connection, Runnable prompt) {
    return new NormSession(connection, channels, stats);
  }
}
