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

/** What it costs a reader to keep a frame's delivery state, and the ledger. */
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

  /**
   * A frame's way without its bytes: room asked for, published, taken over, sent, answered, closed.
   *
   * @return whether the answer changed anything, as that of each frame must
   */
  @Benchmark
  public boolean completeAFrame() {
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
    frames.publish(stats.ledger);
  }
}
