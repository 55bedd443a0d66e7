package io.framepipeline.reader;

import io.framepipeline.common.config.ExitException;
import io.framepipeline.common.linux.PipelineCpu;
import io.framepipeline.common.wire.Frames;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedByInterruptException;
import java.nio.channels.ReadableByteChannel;
import java.nio.channels.SeekableByteChannel;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.agrona.concurrent.IdleStrategy;
import org.agrona.concurrent.status.AtomicCounter;

/** Reads a device, a file or a stream. */
final class ChannelReader extends SourceReader {
  /** The bytes that one read asks for. */
  private static final int READ_LENGTH = Frames.BATCH_FRAMES * Frames.BYTE_PAYLOAD_LENGTH;

  /**
   * How much is announced at once while reads are full: after a full read more is sure to come. An
   * announcement may wake a process on another CPU. That takes a twentieth of the time that
   * /dev/urandom takes to fill a read.
   */
  private static final int ANNOUNCE_LENGTH = 4 * READ_LENGTH;

  private static final long MAX_SLEEP_NANOS = TimeUnit.MILLISECONDS.toNanos(100);

  private final ReaderSettings settings;
  private final RetainedFrames frames;
  private final IdleStrategy idleStrategy;
  private final PipelineCpu cpu;
  private final Pacer pacer;
  private final long frameLimit;
  private final AtomicCounter framesPadded;
  private int unannouncedLength;

  /**
   * @param cpu the CPU of the reading thread
   * @param framesPadded counts last frames filled up with zero bytes
   */
  ChannelReader(
      ReaderSettings settings,
      RetainedFrames frames,
      IdleStrategy idleStrategy,
      PipelineCpu cpu,
      AtomicCounter framesPadded) {
    this.framesPadded = framesPadded;
    this.settings = settings;
    this.frames = frames;
    this.idleStrategy = idleStrategy;
    this.cpu = cpu;
    this.pacer = settings.newPacer();
    this.frameLimit = settings.frameLimit();
  }

  /** Ends a pause. A {@link StreamChannel} notices by itself. */
  @Override
  void wake() {
    thread().interrupt();
  }

  @Override
  boolean hasReadingEnded() {
    return !thread().isAlive();
  }

  /** Does not wait for the thread. It is a daemon, and notices within a moment. */
  @Override
  public void close() {
    stop();
  }

  @Override
  void run() {
    cpu.takeLongTurns();
    try (ReadableByteChannel channel = settings.source().open()) {
      long inputPosition = 0;
      long start;
      do {
        start = inputPosition;
        inputPosition = readToEnd(channel, start);
        int remainder = (int) (inputPosition % Frames.BYTE_PAYLOAD_LENGTH);
        if (remainder != 0 && isFinished()) {
          inputPosition = endInsideFrame(inputPosition, remainder);
        }
      } while (inputPosition > start && isToRepeat(channel, inputPosition));
    } catch (ClosedByInterruptException e) {
      // Stopped while it waited for the source.
    } catch (ExitException e) {
      fail(e);
    } catch (IOException e) {
      fail(settings.source().noInput(e.getMessage()));
    } catch (RuntimeException | Error e) {
      failByDefect(e);
    } finally {
      announce();
    }
  }

  /** Whether to read the file once more. If so, sets the file to its start. */
  private boolean isToRepeat(ReadableByteChannel channel, long inputPosition) throws IOException {
    if (settings.repeat()
        && failure() == null
        && inputPosition < frameLimit * Frames.BYTE_PAYLOAD_LENGTH) {
      setFinished(false);
      ((SeekableByteChannel) channel).position(0);
    }
    return !isFinished() && !isStopped();
  }

  /** Returns how many bytes the input has had by then, repeats included. */
  private long readToEnd(ReadableByteChannel channel, long start) throws IOException {
    long inputPosition = start;
    while (!isStopped()) {
      int length = lengthToRead(inputPosition);
      if (length == 0) {
        continue;
      }
      int count = channel.read(frames.writable(inputPosition, length));
      if (count < 0) {
        setFinished(true);
        return inputPosition;
      }
      if (count > 0) {
        inputPosition += count;
        frames.publish(inputPosition, System.nanoTime());
      }
      unannouncedLength += count;
      if (count < READ_LENGTH || unannouncedLength >= ANNOUNCE_LENGTH) {
        announce();
      }
      if (inputPosition == frameLimit * Frames.BYTE_PAYLOAD_LENGTH) {
        setFinished(true);
        return inputPosition;
      }
    }
    return inputPosition;
  }

  /** How many bytes to read now. Returns 0, after a pause, if none are due or the ring is full. */
  private int lengthToRead(long inputPosition) {
    long nowNanos = System.nanoTime();
    long frameLimitNow =
        pacer == null ? frameLimit : Math.min(frameLimit, pacer.dueFrames(nowNanos));
    long due = frameLimitNow * Frames.BYTE_PAYLOAD_LENGTH - inputPosition;
    if (due <= 0) {
      announce();
      long sleepNanos = pacer.nanosUntil(frameLimitNow + 1, nowNanos);
      LockSupport.parkNanos(Math.min(sleepNanos, MAX_SLEEP_NANOS));
      return 0;
    }
    int length = (int) Math.min(Math.min(due, READ_LENGTH), frames.writableBytes(inputPosition));
    if (length == 0) {
      announce();
    }
    idleStrategy.idle(length);
    return length;
  }

  private void announce() {
    if (unannouncedLength > 0) {
      unannouncedLength = 0;
      tellPublished();
    }
  }

  /** Refuses the last frame or fills it up. Returns how many bytes the input has then. */
  private long endInsideFrame(long inputPosition, int remainder) {
    if (settings.partialFrame() == PartialFrame.REFUSE) {
      fail(
          settings
              .source()
              .partialFrame("its end after %s bytes".formatted(inputPosition), remainder));
      return inputPosition;
    }
    int missing = Frames.BYTE_PAYLOAD_LENGTH - remainder;
    ByteBuffer rest = frames.writable(inputPosition, missing);
    while (rest.hasRemaining()) {
      rest.put((byte) 0);
    }
    framesPadded.incrementRelease();
    frames.publish(inputPosition + missing, System.nanoTime());
    return inputPosition + missing;
  }
}
