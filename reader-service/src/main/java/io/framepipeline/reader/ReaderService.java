package io.framepipeline.reader;

import io.framepipeline.common.config.ExitCode;
import io.framepipeline.common.config.ExitException;
import io.framepipeline.common.config.Settings;
import io.framepipeline.common.metrics.Figure;
import io.framepipeline.common.metrics.Ledger;
import io.framepipeline.common.metrics.StageStats;
import io.framepipeline.common.service.CommonSettings;
import io.framepipeline.common.service.ServiceRunner;
import io.framepipeline.common.service.StageService;
import io.framepipeline.common.service.StageSession;
import io.framepipeline.common.topology.Stage;
import io.framepipeline.common.transport.Channels;
import io.framepipeline.common.transport.DriverConnection;
import io.micrometer.core.instrument.MeterRegistry;
import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.agrona.CloseHelper;
import org.agrona.concurrent.IdleStrategy;
import org.agrona.concurrent.SleepingIdleStrategy;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The first stage. It reads a source into frames, keeps each frame until its norm is back, and
 * writes the norm.
 */
public final class ReaderService implements StageService {
  private static final Logger LOG = LoggerFactory.getLogger(ReaderService.class);

  /**
   * Sleep time per frame of the window. At a million frames a second, a quarter of the window
   * passes during one sleep.
   */
  private static final long SLEEP_NANOS_PER_FRAME = 250;

  private static final long MAX_SLEEP_NANOS = TimeUnit.MICROSECONDS.toNanos(200);

  private final Channels channels;
  private final StageStats stats;
  private final ReaderFile file;
  private final RetainedFrames frames;
  private final SourceReader source;

  /** As of the last {@link #collect}. */
  private boolean hasSourceEnded;

  private boolean hasEnded;

  /** Null if norms are not written, or if the source's reader writes them. */
  private final ResultsWriter results;

  private final KafkaMeters kafkaMeters = new KafkaMeters();

  public ReaderService(ReaderSettings settings, CommonSettings common, StageStats stats) {
    this.channels = common.channels();
    this.stats = stats;
    common.sharedMemory().requireRoomForWindow(settings.windowFrames());
    ReaderFiles files = new ReaderFiles(common.aeronDirectory());
    this.file = openFile(files, settings, common.aeronDirectory());
    try {
      NormRing norms = settings.results() == null ? null : new NormRing(file.memory());
      this.frames =
          new RetainedFrames(
              file.memory(),
              file.ring().slots(),
              settings.maxDeliveries(),
              new AbandonedFrames(file.sourceId(), settings.abandonedDirectory()),
              norms);
      this.source = readSource(settings, norms, common);
      stats.counter(Figure.WINDOW_FRAMES).setRelease(settings.windowFrames());
      boolean isWrittenBySource = settings.isKafkaToKafka();
      this.results = norms == null || isWrittenBySource ? null : writeResults(norms, settings);
    } catch (ExitException e) {
      files.discard(file);
      throw e;
    }
    frames.publish(stats.ledger);
    if (file.isKept()) {
      stats.counter(Figure.GENERATION).setRelease(file.generation());
      // Last: from now on this ledger counts, and that of a dead reader with this number does not.
      stats.counter(Figure.READER).setRelease(file.number() + 1);
    }
  }

  public static void main(String[] args) {
    System.exit(
        FramesToKafka.isWanted(Settings.ofProcess())
            ? ServiceRunner.exitCodeOf(
                Stage.READER.label(),
                () -> FramesToKafka.run(Settings.ofProcess(), false, ledger -> {}))
            : ServiceRunner.run(
                Stage.READER,
                (settings, common, stats) ->
                    new ReaderService(
                        ReaderSettings.read(settings, common.sharedMemory().defaultWindowFrames()),
                        common,
                        stats)));
  }

  @Override
  public StageSession connect(DriverConnection connection, Runnable prompt) {
    return new ReaderSession(
        connection,
        prompt,
        channels,
        file.ring()::link,
        file.sourceId(),
        frames,
        source,
        results,
        stats);
  }

  /**
   * For the reading thread while it waits for room. After a sleep it reads many frames at once, and
   * the window must outlast those.
   */
  private static IdleStrategy idleStrategy(ReaderSettings settings, CommonSettings common) {
    long sleepNanos = Math.min(MAX_SLEEP_NANOS, settings.windowFrames() * SLEEP_NANOS_PER_FRAME);
    return common.idleMode().newStrategy(new SleepingIdleStrategy(sleepNanos));
  }

  @Override
  public void bindTo(MeterRegistry registry) {
    kafkaMeters.bindTo(registry);
  }

  @Override
  public void stop() {
    source.stop();
  }

  @Override
  public void collect() {
    // Asked first, so that what was published before the end is taken over.
    hasSourceEnded = source.hasEnded();
    frames.closeFrames();
    frames.takeOver();
  }

  @Override
  public boolean needsConnection() {
    boolean hasFailed = results != null && results.hasFailed();
    return !hasFailed && (frames.inFlight() > 0 || !hasSourceEnded);
  }

  @Override
  public boolean hasEnded() {
    return hasEnded;
  }

  @Override
  public int exitCode() {
    Ledger.Entry ledger = stats.ledger.read();
    LOG.info(
        "ledger: read={} acknowledged={} inFlight={} abandoned={} returned={} redelivered={}",
        ledger.framesRead(),
        ledger.framesAcknowledged(),
        ledger.framesInFlight(),
        ledger.framesAbandoned(),
        ledger.framesReturned(),
        ledger.framesRedelivered());
    ExitException failure = results == null ? null : results.failure();
    if (failure == null) {
      failure = source.failure();
    }
    // Without a defect or frames in flight nothing is left for another reader. But none may begin
    // anew with a stream that stands inside a frame.
    hasEnded = ledger.framesInFlight() == 0 && file.memory().input.interruptedLength() == 0;
    if (failure != null) {
      throw failure;
    }
    if (ledger.framesAcknowledged() + ledger.framesReturned() != ledger.framesRead()) {
      return ExitCode.LOST;
    }
    return source.isFinished() ? ExitCode.OK : ExitCode.STOPPED;
  }

  @Override
  public void close() {
    if (hasEnded || !file.isKept()) {
      file.delete();
    }
    source.close();
    CloseHelper.close(results);
  }

  private SourceReader readSource(
      ReaderSettings settings, NormRing allNorms, CommonSettings common) {
    IdleStrategy idleStrategy = idleStrategy(settings, common);
    if (settings.source().topic() == null) {
      return new ChannelReader(
          settings,
          frames,
          file.memory().input,
          idleStrategy,
          common.cpu(),
          stats.counter(Figure.FRAMES_PADDED));
    }
    stats.counter(Figure.IS_REREAD).setRelease(1);
    NormRing norms = settings.isKafkaToKafka() ? allNorms : null;
    return new KafkaReader(
        settings, file.sourceId(), frames, norms, idleStrategy, stats, kafkaMeters);
  }

  private ResultsWriter writeResults(NormRing norms, ReaderSettings settings) {
    ResultsTarget target = settings.results();
    String topic = target.topic();
    ResultsTarget.Opener opener =
        topic == null
            ? target.prepare(file.number(), file.memory(), file.generation() > 0)
            : () -> new KafkaOutput(settings.kafka(), topic, file, kafkaMeters);
    return new ResultsWriter(norms, target, opener, file.number());
  }

  /** A reader of Kafka needs no memory that outlives it: its successor reads its frames again. */
  private static ReaderFile openFile(
      ReaderFiles files, ReaderSettings settings, Path aeronDirectory) {
    int windowFrames = settings.windowFrames();
    try {
      return settings.source().topic() == null
          ? files.open(settings.identity(), windowFrames)
          : files.openForProcess(windowFrames);
    } catch (IOException e) {
      throw new ExitException(
          ExitCode.INTERNAL,
          "AERON_DIR=%s: no room beside it for a window of %s frames: %s; free some of its file system"
              .formatted(aeronDirectory, windowFrames, e.getMessage()));
    }
  }
}
