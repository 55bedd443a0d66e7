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

/**
 * Reads the source into the ring, on a thread of its own: a source that is silent, or a FIFO nobody
 * has opened, holds up neither acknowledgements nor metrics nor the end.
 */
final class SourceReader implements AutoCloseable {
  /** What one read asks for. */
  private static final int READ_LENGTH = Frames.BATCH_FRAMES * Frames.BYTE_PAYLOAD_LENGTH;

  /**
   * What is announced at once while reads are filled, so that more is sure to come. It may take
   * waking somebody on another processor, which is a twentieth of the time that it takes
   * /dev/urandom to fill a read.
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
  private final Thread thread;

  private volatile Runnable onPublished = () -> {};
  private int unannouncedLength;
  private boolean isStarted;
  private volatile boolean isStopped;
  private volatile boolean isFinished;
  private volatile ExitException failure;
  private volatile Throwable defect;

  /**
   * @param cpu where to read
   * @param framesPadded counts last frames filled up with zero bytes
   */
  SourceReader(
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
    this.pacer =
        settings.framesPerSecond().isPresent()
            ? new Pacer(settings.framesPerSecond().getAsLong())
            : null;
    this.frameLimit = settings.frames().orElse(Long.MAX_VALUE / Frames.BYTE_PAYLOAD_LENGTH);
    this.thread = Thread.ofPlatform().name("source").daemon().unstarted(this::run);
  }

  /**
   * Has this called, on the source's thread, when frames were published: at once, or while reads
   * are filled after a few of them. If a source falls silent after a filled read, nobody is told.
   */
  void onPublished(Runnable action) {
    onPublished = action;
  }

  /** Begins to read, unless it has begun or was stopped. */
  void start() {
    if (!isStarted && !isStopped) {
      isStarted = true;
      thread.start();
    }
  }

  /** Stops reading; frames already published stay. */
  void stop() {
    isStopped = true;
    // Wakes it from its pauses; StreamChannel sees by itself.
    thread.interrupt();
  }

  /** Whether no further frame will be published. */
  boolean hasEnded() {
    return isStarted ? !thread.isAlive() : isStopped;
  }

  /** Whether the input has ended, or as many frames as wanted were read. */
  boolean isFinished() {
    return isFinished;
  }

  /**
   * Why reading ended before the input did, or null.
   *
   * @throws IllegalStateException if it ended by a defect
   */
  ExitException failure() {
    if (defect != null) {
      throw new IllegalStateException("reading the source failed", defect);
    }
    return failure;
  }

  /** Leaves the thread, a daemon, to itself: it notices within a moment. */
  @Override
  public void close() {
    stop();
  }

  private void run() {
    cpu.takeLongTurns();
    try (ReadableByteChannel channel = settings.source().open()) {
      long inputPosition = 0;
      long start;
      do {
        start = inputPosition;
        inputPosition = readToEnd(channel, start);
        int remainder = (int) (inputPosition % Frames.BYTE_PAYLOAD_LENGTH);
        if (remainder != 0 && isFinished) {
          inputPosition = endInsideFrame(inputPosition, remainder);
        }
      } while (inputPosition > start && isToRepeat(channel, inputPosition));
    } catch (ClosedByInterruptException e) {
      // stopped while waiting for the source
    } catch (ExitException e) {
      failure = e;
    } catch (IOException e) {
      failure = settings.source().noInput(e.getMessage());
    } catch (RuntimeException | Error e) {
      defect = e;
    } finally {
      announce();
    }
  }

  /** Whether the file is to be read from its start once more, to which it is then set. */
  private boolean isToRepeat(ReadableByteChannel channel, long inputPosition) throws IOException {
    if (settings.repeat()
        && failure == null
        && inputPosition < frameLimit * Frames.BYTE_PAYLOAD_LENGTH) {
      isFinished = false;
      ((SeekableByteChannel) channel).position(0);
    }
    return !isFinished && !isStopped;
  }

  /** Returns how many bytes the input has had by then. */
  private long readToEnd(ReadableByteChannel channel, long start) throws IOException {
    long inputPosition = start;
    while (!isStopped) {
      int length = lengthToRead(inputPosition);
      if (length == 0) {
        continue;
      }
      int count = channel.read(frames.writable(inputPosition, length));
      if (count < 0) {
        isFinished = true;
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
        isFinished = true;
        return inputPosition;
      }
    }
    return inputPosition;
  }

  /** How many bytes to read now; 0, after a pause, if none: not due yet, or the ring is full. */
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
      onPublished.run();
    }
  }

  /** Returns how many bytes the input has then. */
  private long endInsideFrame(long inputPosition, int remainder) {
    if (settings.partialFrame() == PartialFrame.REFUSE) {
      failure =
          settings
              .source()
              .partialFrame("its end after %s bytes".formatted(inputPosition), remainder);
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
