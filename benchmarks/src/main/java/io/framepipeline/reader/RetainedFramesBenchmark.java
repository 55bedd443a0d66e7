package io.framepipeline.reader;

import io.framepipeline.common.metrics.StageStats;
import io.framepipeline.common.transport.FrameSlots;
import io.framepipeline.common.wire.Frames;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;

/** What a reader's books cost a frame. */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
public class RetainedFramesBenchmark {
  private final RetainedFrames frames =
      new RetainedFrames(
          ReaderMemory.ofProcess(),
          FrameSlots.inMemory(1024, Frames.BYTE_PAYLOAD_LENGTH),
          5,
          (sequence, buffer, offset, length) -> {},
          null);
  private final StageStats stats = StageStats.inMemory();
  private long sequence;

  /** Room asked for, published, taken over, sent and answered, without its bytes. */
  @Benchmark
  public boolean bookAFrame() {
    frames.writableBytes(sequence * Frames.BYTE_PAYLOAD_LENGTH);
    frames.publish((sequence + 1) * Frames.BYTE_PAYLOAD_LENGTH, sequence);
    frames.takeOver();
    frames.sent(frames.nextToSend(), 1, sequence);
    boolean isAnswered = frames.answered(sequence++, 1);
    frames.closeFrames();
    return isAnswered;
  }

  /** Once a duty cycle. */
  @Benchmark
  public void publishTheLedger() {
    stats.ledger.write(sequence, sequence, 0, 0, 0, 0);
  }
}
