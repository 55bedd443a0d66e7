package io.framepipeline.common.transport;

import static io.aeron.logbuffer.LogBufferDescriptor.PAGE_MIN_SIZE;
import static io.aeron.logbuffer.LogBufferDescriptor.TERM_MAX_LENGTH;
import static io.aeron.logbuffer.LogBufferDescriptor.TERM_MIN_LENGTH;

import io.aeron.ChannelUri;
import io.aeron.ChannelUriStringBuilder;
import io.aeron.CommonContext;
import io.aeron.logbuffer.LogBufferDescriptor;
import io.aeron.protocol.DataHeaderFlyweight;
import io.framepipeline.common.frame.Frames;
import io.framepipeline.common.service.ExitCode;
import io.framepipeline.common.service.ExitException;
import org.agrona.BitUtil;

/**
 * How channels are made: one for each kind of message. This and {@link InboxDirectory} are all that
 * knows the services share a host.
 *
 * @param byteFrames the same as for float frames with terms a quarter as long, as the frames are
 * @param floatFrames channel whose MTU takes a whole float frame, so that {@code tryClaim} does
 * @param acks with terms sized for acknowledgements, which are few and small
 */
public record Channels(String byteFrames, String floatFrames, String acks) {
  /**
   * Half a term is in flight per inbox: some 60 frames, enough to keep a stage busy while its
   * neighbour or the driver sleeps. A log is three terms, written, read and cleaned in turn; the
   * shorter they are, the more of it stays in the processors' caches.
   */
  public static final String DEFAULT = "aeron:ipc?term-length=2m";

  /** Smallest MTU that takes a float frame unfragmented. */
  static final int FRAME_MTU = DataHeaderFlyweight.HEADER_LENGTH + Frames.FLOAT_FRAME_LENGTH;

  private static final int MTU_PER_TERM = 8;
  private static final int ACK_TERM_LENGTH = TERM_MIN_LENGTH;

  /**
   * Checks {@code PIPELINE_CHANNEL}, the channel of float frames, and derives the others from it.
   *
   * @throws ExitException with {@link ExitCode#USAGE} if frames could not travel on it
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
      ChannelUriStringBuilder builder = new ChannelUriStringBuilder(uri);
      if (builder.mtu() == null) {
        builder.mtu(FRAME_MTU);
      } else if (builder.mtu() < FRAME_MTU) {
        throw new IllegalArgumentException("mtu is less than " + FRAME_MTU + ", one float frame");
      }
      if (builder.termLength() == null) {
        throw new IllegalArgumentException("term-length is missing");
      }
      if (builder.termLength() < shortestTerm(builder.mtu())) {
        throw new IllegalArgumentException("term-length is less than 8 mtu");
      }
      String floatFrames = builder.build();
      int byteTermLength = builder.termLength() / (Float.BYTES / Byte.BYTES);
      String byteFrames =
          builder.termLength(Math.max(byteTermLength, shortestTerm(builder.mtu()))).build();
      String acks =
          new ChannelUriStringBuilder()
              .media(CommonContext.IPC_MEDIA)
              .termLength(ACK_TERM_LENGTH)
              .build();
      return new Channels(byteFrames, floatFrames, acks);
    } catch (IllegalArgumentException | IllegalStateException e) {
      // Aeron throws the one or the other, depending on what is wrong.
      throw new ExitException(
          ExitCode.USAGE,
          "PIPELINE_CHANNEL=%s: %s; give an aeron:ipc channel with term-length=<power of two from %d to %d>"
              .formatted(channel, e.getMessage(), shortestTerm(FRAME_MTU), TERM_MAX_LENGTH));
    }
  }

  private static int shortestTerm(int mtu) {
    return BitUtil.findNextPositivePowerOfTwo(MTU_PER_TERM * mtu);
  }

  /** Bytes of shared memory that each sender's log of a channel takes. */
  static long logLength(String channel) {
    int termLength = new ChannelUriStringBuilder(channel).termLength();
    return LogBufferDescriptor.computeLogLength(termLength, PAGE_MIN_SIZE);
  }
}
