package io.framepipeline.common.transport;

import static io.aeron.logbuffer.LogBufferDescriptor.PAGE_MIN_SIZE;
import static io.aeron.logbuffer.LogBufferDescriptor.TERM_MAX_LENGTH;
import static io.aeron.logbuffer.LogBufferDescriptor.TERM_MIN_LENGTH;

import io.aeron.ChannelUri;
import io.aeron.ChannelUriStringBuilder;
import io.aeron.CommonContext;
import io.aeron.logbuffer.LogBufferDescriptor;
import io.framepipeline.common.config.ExitCode;
import io.framepipeline.common.config.ExitException;

/**
 * The channels of a pipeline.
 *
 * @param frames channel of the frames' messages
 * @param answers channel of answers, with the shortest terms, because answers are few and small
 */
public record Channels(String frames, String answers) {
  /**
   * The shortest terms that Aeron allows. The driver moves a sender's limit, and clears what was
   * read, after a quarter of a term was read: every 170 messages. A log is three terms.
   */
  public static final String DEFAULT = "aeron:ipc?term-length=64k";

  private static final int ANSWER_TERM_LENGTH = TERM_MIN_LENGTH;

  /**
   * Checks {@code PIPELINE_CHANNEL}, the channel of frames. The channel of answers is always the
   * same.
   *
   * @throws ExitException with {@link ExitCode#USAGE} if frames cannot travel on it
   */
  public static Channels of(String channel) {
    try {
      ChannelUri uri = ChannelUri.parse(channel);
      if (!CommonContext.IPC_MEDIA.equals(uri.media())) {
        throw new IllegalArgumentException("media is not ipc");
      }
      if (!uri.prefix().isEmpty()) {
        throw new IllegalArgumentException("a " + uri.prefix() + " cannot be published to");
      }
      ChannelUriStringBuilder frames = new ChannelUriStringBuilder(uri);
      if (frames.termLength() == null) {
        throw new IllegalArgumentException("term-length is missing");
      }
      ChannelUriStringBuilder answers =
          new ChannelUriStringBuilder()
              .media(CommonContext.IPC_MEDIA)
              .termLength(ANSWER_TERM_LENGTH);
      return new Channels(frames.build(), answers.build());
    } catch (IllegalArgumentException | IllegalStateException e) {
      // Aeron throws either of them, depending on what is wrong.
      throw new ExitException(
          ExitCode.USAGE,
          "PIPELINE_CHANNEL=%s: %s; give an aeron:ipc channel with term-length=<power of two from %s to %s>"
              .formatted(channel, e.getMessage(), TERM_MIN_LENGTH, TERM_MAX_LENGTH));
    }
  }

  /** Bytes of shared memory that each sender's log of a channel takes. */
  static long logLength(String channel) {
    int termLength = new ChannelUriStringBuilder(channel).termLength();
    return LogBufferDescriptor.computeLogLength(termLength, PAGE_MIN_SIZE);
  }
}
