package io.framepipeline.norm;

import io.framepipeline.common.metrics.StageStats;
import io.framepipeline.common.service.ServiceRunner;
import io.framepipeline.common.service.StageService;
import io.framepipeline.common.service.StageSession;
import io.framepipeline.common.transport.Channels;
import io.framepipeline.common.transport.DriverConnection;
import io.framepipeline.common.transport.Stage;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import org.agrona.CloseHelper;

/**
 * The last stage: a float frame is a 64x64 matrix, and its Frobenius norm is what it is all for.
 */
public final class NormService implements StageService {
  private final Channels channels;
  private final StageStats stats;
  private final FrameSources sources = new FrameSources();
  private final NormPrinter printer;

  /**
   * @param printer null if norms are not printed
   */
  NormService(Channels channels, StageStats stats, NormPrinter printer) {
    this.channels = channels;
    this.stats = stats;
    this.printer = printer;
  }

  public static void main(String[] args) {
    System.exit(
        ServiceRunner.run(
            Stage.NORM,
            (settings, common, stats) ->
                new NormService(
                    common.channels(),
                    stats,
                    switch (NormSettings.read(settings).print()) {
                      case NONE -> null;
                      case ALL -> new NormPrinter(new FileOutputStream(FileDescriptor.out));
                    })));
  }

  @Override
  public StageSession connect(DriverConnection connection, Runnable prompt) {
    return new NormSession(connection, channels, sources, printer, stats);
  }

  @Override
  public void close() {
    CloseHelper.close(printer);
  }
}
