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
   * The part of the window that is announced at once while reads are full: after a full read more
   * is sure to come. An announcement may wake a process on another CPU. On a virtual machine that
   * takes as long as to read five frames from a fast /dev/urandom.
   */
  private static final int ANNOUNCEMENTS_PER_WINDOW = 16;

  private static final long MAX_SLEEP_NANOS = TimeUnit.MILLISECONDS.toNanos(100);

  private final ReaderSettings settings;
  private final RetainedFrames frames;
  private final InputProgress input;
  private final IdleStrategy idleStrategy;
  private final PipelineCpu cpu;
  private final Pacer pacer;
  private final long frameLimit;
  private final int announceLength;
  private final AtomicCounter framesPadded;
  private int unannouncedLength;

  /**
   * Reads from where the input was read to before, if it was.
   *
   * @param input how far the input is read
   * @param cpu the CPU of the reading thread
   * @param framesPadded counts last frames filled up with zero bytes
   */
  ChannelReader(
      ReaderSettings settings,
      RetainedFrames frames,
      InputProgress input,
      IdleStrategy idleStrategy,
      PipelineCpu cpu,
      AtomicCounter framesPadded) {
    this.framesPadded = framesPadded;
    this.settings = settings;
    this.frames = frames;
    this.input = input;
    this.idleStrategy = idleStrategy;
    this.cpu = cpu;
    this.pacer = settings.newPacer(input.position() / Frames.BYTE_PAYLOAD_LENGTH);
    this.frameLimit = settings.frameLimit();
    this.announceLength = frames.window() / ANNOUNCEMENTS_PER_WINDOW * Frames.BYTE_PAYLOAD_LENGTH;
    takeOverInterruptedRead();
  }

  /**
   * Takes what a reader that was killed inside a read had read of a stream. Not on the reading
   * thread: that never starts if this reader, too, is told to leave before it can send.
   */
  private void takeOverInterruptedRead() {
    long position = input.position();
    int length = input.interruptedLength();
    if (length == 0) {
      return;
    }
    int filled = ReadMarks.filled(frames.writable(position, length), input.mark());
    if (filled < 0) {
      fail(
          settings
              .source()
              .noInput(
                  "its reader was killed inside a read, after byte %s, which may have taken up to %s bytes and left the input inside a frame"
                      .formatted(position, length)));
      return;
    }
    publish(filled);
    input.endConsuming();
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
    cpu.takeLongSlices();
    if (input.hasEnded()) {
      setFinished(true);
    }
    if (isFinished() || failure() != null) {
      return;
    }
    try (ReadableByteChannel channel = settings.source().open(input.position() > 0)) {
      goOn(channel);
      do {
        readToEnd(channel);
        int remainder = (int) (input.position() % Frames.BYTE_PAYLOAD_LENGTH);
        if (remainder != 0 && isFinished()) {
          endInsideFrame(remainder);
        }
      } while (input.position() > input.passStart() && isToRepeat(channel));
      if (isFinished() && failure() == null) {
        input.end();
      }
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

  /** Goes to where the input was read to before, if it was opened before and is still the same. */
  private void goOn(ReadableByteChannel channel) throws IOException {
    Source source = settings.source();
    SeekableByteChannel file = source.isSeekable() ? (SeekableByteChannel) channel : null;
    Source.Identity identity = source.identity();
    if (input.file() == null) {
      input.open(identity, file == null ? 0 : file.position());
    }
    long position = input.position();
    boolean isSame = identity.equals(input.file());
    if (isSame && file != null) {
      // After a padded frame the position is behind the end.
      isSame = file.size() + Frames.BYTE_PAYLOAD_LENGTH > input.filePosition();
      file.position(input.filePosition());
    }
    if (!isSame) {
      throw source.noInput(
          "is not the same any more as when a reader that was killed had read %s bytes of it"
              .formatted(position));
    }
  }

  /** Whether to read the file once more, after its end. If so, sets the file to its start. */
  private boolean isToRepeat(ReadableByteChannel channel) throws IOException {
    if (isFinished() && settings.repeat() && failure() == null && !isLimitReached()) {
      setFinished(false);
      input.beginPass(input.position());
      ((SeekableByteChannel) channel).position(input.filePosition());
    }
    return !isFinished() && !isStopped();
  }

  private void readToEnd(ReadableByteChannel channel) throws IOException {
    setFinished(isLimitReached());
    while (!isFinished() && !isStopped()) {
      int length = lengthToRead(input.position());
      if (length == 0) {
        continue;
      }
      ByteBuffer memory = frames.writable(input.position(), length);
      int count =
          channel instanceof StreamChannel stream ? read(stream, memory) : channel.read(memory);
      publish(count);
      if (count < READ_LENGTH || unannouncedLength >= announceLength) {
        announce();
      }
      if (count < 0 || isLimitReached()) {
        setFinished(true);
      }
    }
  }

  private boolean isLimitReached() {
    return input.position() >= frameLimit * Frames.BYTE_PAYLOAD_LENGTH;
  }

  /** Reads what cannot be read again, so that a reader that is killed here leaves a trace. */
  private int read(StreamChannel stream, ByteBuffer memory) throws IOException {
    if (!stream.await()) {
      return 0;
    }
    ReadMarks.put(memory, input.mark());
    input.beginConsuming(memory.remaining());
    int count = 0;
    try {
      count = stream.read(memory);
    } finally {
      if (count <= 0) {
        input.endConsuming();
      }
    }
    return count;
  }

  private void publish(int length) {
    if (length > 0) {
      frames.publish(input.position() + length, System.nanoTime());
      unannouncedLength += length;
    }
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

  /** Refuses the last frame or fills it up. */
  private void endInsideFrame(int remainder) {
    if (settings.partialFrame() == PartialFrame.REFUSE) {
      fail(
          settings
              .source()
              .partialFrame("its end after %s bytes".formatted(input.position()), remainder));
      return;
    }
    int missing = Frames.BYTE_PAYLOAD_LENGTH - remainder;
    ByteBuffer rest = frames.writable(input.position(), missing);
    while (rest.hasRemaining()) {
      rest.put((byte) 0);
    }
    framesPadded.incrementRelease();
    publish(missing);
  }
}
