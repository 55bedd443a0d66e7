package io.framepipeline.reader;

import io.framepipeline.common.metrics.Ledger;
import io.framepipeline.common.metrics.StageStats;
import io.framepipeline.common.service.CommonSettings;
import io.framepipeline.common.service.ExitCode;
import io.framepipeline.common.service.ExitException;
import io.framepipeline.common.service.ServiceRunner;
import io.framepipeline.common.service.StageService;
import io.framepipeline.common.service.StageSession;
import io.framepipeline.common.transport.Channels;
import io.framepipeline.common.transport.DriverConnection;
import io.framepipeline.common.transport.Stage;
import java.security.SecureRandom;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The first stage: reads a source into frames and answers for each until it is acknowledged. */
public final class ReaderService implements StageService {
  private static final Logger LOG = LoggerFactory.getLogger(ReaderService.class);

  private final Channels channels;
  private final StageStats stats;
  private final RetainedFrames frames;
  private final SourceReader source;

  /**
   * Random, so that a reader that is started again is another source to the norms' repeat filters.
   */
  private final int sourceId = new SecureRandom().nextInt(Integer.MAX_VALUE);

  public ReaderService(ReaderSettings settings, CommonSettings common, StageStats stats) {
    this.channels = common.channels();
    this.stats = stats;
    this.frames =
        new RetainedFrames(
            settings.windowFrames(),
            settings.maxDeliveries(),
            new AbandonedFrames(sourceId, settings.abandonedDirectory()));
    this.source =
        new SourceReader(settings, frames, common.idleMode().newStrategy(), stats.framesPadded);
    stats.windowFrames.setRelease(settings.windowFrames());
  }

  public static void main(String[] args) {
    System.exit(
        ServiceRunner.run(
            Stage.READER,
            (settings, common, stats) ->
                new ReaderService(ReaderSettings.read(settings), common, stats)));
  }

  @Override
  public StageSession connect(DriverConnection connection) {
    return new ReaderSession(connection, channels, sourceId, frames, source, stats);
  }

  @Override
  public void stop() {
    source.stop();
  }

  @Override
  public boolean needsConnection() {
    return frames.takeOver() > 0 || frames.inFlight() > 0 || !source.hasEnded();
  }

  @Override
  public int exitCode() {
    Ledger.Entry ledger = stats.ledger.read();
    LOG.info(
        "ledger: read={} acknowledged={} inFlight={} abandoned={} redelivered={}",
        ledger.framesRead(),
        ledger.framesAcknowledged(),
        ledger.framesInFlight(),
        ledger.framesAbandoned(),
        ledger.framesRedelivered());
    ExitException failure = source.failure();
    if (failure != null) {
      throw failure;
    }
    return ledger.framesAcknowledged() == ledger.framesRead() ? ExitCode.OK : ExitCode.LOST;
  }

  @Override
  public void close() {
    source.close();
  }
}
