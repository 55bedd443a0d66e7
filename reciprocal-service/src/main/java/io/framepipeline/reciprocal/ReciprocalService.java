package io.framepipeline.reciprocal;

import io.framepipeline.common.metrics.StageStats;
import io.framepipeline.common.service.ServiceRunner;
import io.framepipeline.common.service.StageService;
import io.framepipeline.common.service.StageSession;
import io.framepipeline.common.transport.Channels;
import io.framepipeline.common.transport.DriverConnection;
import io.framepipeline.common.transport.Stage;

/** The middle stage: turns byte frames into float frames of reciprocals. Stateless. */
public final class ReciprocalService implements StageService {
  private final Channels channels;
  private final StageStats stats;

  public ReciprocalService(Channels channels, StageStats stats) {
    this.channels = channels;
    this.stats = stats;
  }

  public static void main(String[] args) {
    System.exit(
        ServiceRunner.run(
            Stage.RECIPROCAL,
            (settings, common, stats) -> new ReciprocalService(common.channels(), stats)));
  }

  @Override
  public StageSession connect(DriverConnection connection, Runnable prompt) {
    return new ReciprocalSession(connection, channels, stats);
  }
}
