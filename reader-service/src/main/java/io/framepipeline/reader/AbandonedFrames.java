package io.framepipeline.reader;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.agrona.DirectBuffer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Logs each abandoned frame. Keeps its bytes in a directory, if one is set, for later study. */
final class AbandonedFrames implements RetainedFrames.AbandonedHandler {
  private static final Logger LOG = LoggerFactory.getLogger(AbandonedFrames.class);

  private final int sourceId;
  private final Path directory;

  /**
   * @param directory where to write {@code <sourceId>-<sequence>.frame}, or null
   */
  AbandonedFrames(int sourceId, Path directory) {
    this.sourceId = sourceId;
    this.directory = directory;
  }

  @Override
  public void onAbandoned(long sequence, DirectBuffer buffer, int offset, int length) {
    if (directory == null) {
      LOG.error(
          "abandoned frame {} of source {}; READER_ABANDONED_DIR would keep it",
          sequence,
          sourceId);
      return;
    }
    byte[] payload = new byte[length];
    buffer.getBytes(offset, payload);
    Path file = directory.resolve(sourceId + "-" + sequence + ".frame");
    try {
      Files.createDirectories(directory);
      Files.write(file, payload);
      LOG.error("abandoned frame {} of source {}, kept as {}", sequence, sourceId, file);
    } catch (IOException e) {
      LOG.error("abandoned frame {} of source {}, not kept: {}", sequence, sourceId, e.toString());
    }
  }
}
