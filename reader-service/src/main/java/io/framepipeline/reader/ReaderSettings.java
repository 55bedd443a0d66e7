package io.framepipeline.reader;

import io.framepipeline.common.config.ExitCode;
import io.framepipeline.common.config.ExitException;
import io.framepipeline.common.config.OutputFile;
import io.framepipeline.common.config.Settings;
import io.framepipeline.common.wire.Frames;
import java.nio.file.Path;
import java.util.Locale;
import java.util.OptionalLong;

/**
 * The settings of the reader service.
 *
 * @param source {@code READER_SOURCE}
 * @param repeat {@code READER_REPEAT}: whether to read a file from its start again at its end
 * @param frames {@code READER_FRAMES}: stop reading after this many; empty: at the end of the input
 * @param framesPerSecond {@code READER_RATE}; empty: as fast as possible
 * @param windowFrames {@code READER_WINDOW_FRAMES}: the most frames in flight without their norm
 * @param partialFrame {@code READER_PARTIAL_FRAME}
 * @param maxDeliveries {@code READER_MAX_DELIVERIES}: after this many expired deliveries with blame
 *     a frame is abandoned
 * @param abandonedDirectory {@code READER_ABANDONED_DIR}: where to write abandoned frames, or null
 * @param results {@code READER_RESULTS}: where to write norms, or null
 * @param kafka {@code KAFKA_...}; null if neither source nor results need it
 */
public record ReaderSettings(
    Source source,
    boolean repeat,
    OptionalLong frames,
    OptionalLong framesPerSecond,
    int windowFrames,
    PartialFrame partialFrame,
    int maxDeliveries,
    Path abandonedDirectory,
    ResultsTarget results,
    KafkaSettings kafka) {
  private static final int MIN_WINDOW_FRAMES = 16;
  private static final int DEFAULT_MAX_DELIVERIES = 5;
  private static final int MAX_MAX_DELIVERIES = 1000;
  private static final long MAX_FRAMES = Long.MAX_VALUE / Frames.BYTE_PAYLOAD_LENGTH;
  private static final long MAX_RATE = 1_000_000_000;

  /**
   * The schedule of a reader; null if it reads as fast as possible.
   *
   * @param framesBefore how many frames a dead reader, whose place this one takes, has read
   */
  Pacer newPacer(long framesBefore) {
    return framesPerSecond.isPresent()
        ? new Pacer(framesPerSecond.getAsLong(), framesBefore)
        : null;
  }

  /**
   * The settings, as text, that a reader must have in common with a dead one to take its place:
   * what is read, how much of it, and where the norms go.
   */
  String identity() {
    return "READER_SOURCE=%s READER_RESULTS=%s READER_FRAMES=%s READER_REPEAT=%s READER_PARTIAL_FRAME=%s READER_WINDOW_FRAMES=%s"
        .formatted(
            source.name(),
            results == null ? "" : results.name(),
            frames.isPresent() ? frames.getAsLong() : "",
            repeat,
            partialFrame.name().toLowerCase(Locale.ROOT),
            windowFrames);
  }

  /** The most frames to read: so many that their bytes can be counted, if no limit is set. */
  long frameLimit() {
    return frames.orElse(MAX_FRAMES);
  }

  /**
   * Whether frames come from Kafka and their results go there. Then both are one transaction, and
   * one thread's.
   */
  boolean isKafkaToKafka() {
    return source.topic() != null && results != null && results.topic() != null;
  }

  /**
   * Reads and checks all settings.
   *
   * @param defaultWindowFrames the window, if no setting says
   * @throws ExitException if one is malformed or the source cannot be read
   */
  public static ReaderSettings read(Settings settings, int defaultWindowFrames) {
    return read(settings, defaultWindowFrames, false);
  }

  /** The same for a reader that puts a source's frames into Kafka. */
  static ReaderSettings readForFramesToKafka(Settings settings) {
    ReaderSettings reader = read(settings, Frames.DEFAULT_WINDOW_FRAMES, true);
    if (reader.source.topic() != null || reader.results != null) {
      throw new ExitException(
          ExitCode.USAGE,
          "READER_FRAMES_TO: a source in Kafka, or results, make no sense with it; leave them out");
    }
    return reader;
  }

  private static ReaderSettings read(
      Settings settings, int defaultWindowFrames, boolean isToKafka) {
    Source source = new Source(settings.text("READER_SOURCE", Source.DEFAULT));
    String resultsName = settings.text("READER_RESULTS", null);
    ResultsTarget results = resultsName == null ? null : new ResultsTarget(resultsName);
    boolean isKafkaUsed =
        isToKafka || source.topic() != null || (results != null && results.topic() != null);
    ReaderSettings reader =
        new ReaderSettings(
            source,
            settings.flag("READER_REPEAT"),
            settings.optionalNumber("READER_FRAMES", 1, MAX_FRAMES),
            settings.optionalNumber("READER_RATE", 1, MAX_RATE),
            settings.powerOfTwo(
                "READER_WINDOW_FRAMES",
                defaultWindowFrames,
                MIN_WINDOW_FRAMES,
                Frames.MAX_WINDOW_FRAMES),
            settings.choice("READER_PARTIAL_FRAME", PartialFrame.REFUSE),
            (int)
                settings.number(
                    "READER_MAX_DELIVERIES", DEFAULT_MAX_DELIVERIES, 1, MAX_MAX_DELIVERIES),
            settings.path("READER_ABANDONED_DIR", null),
            results,
            isKafkaUsed ? KafkaSettings.read(settings) : null);
    reader.source.check(reader.partialFrame);
    if (reader.repeat) {
      reader.source.checkRepeatable();
    }
    if (reader.results != null) {
      reader.results.check();
    }
    if (reader.abandonedDirectory != null) {
      OutputFile.checkDirectory("READER_ABANDONED_DIR", reader.abandonedDirectory);
    }
    return reader;
  }
}
