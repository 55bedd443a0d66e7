package io.framepipeline.benchmarks;

import io.aeron.Aeron;
import io.aeron.CommonContext;
import io.aeron.ExclusivePublication;
import io.aeron.Subscription;
import io.aeron.driver.MediaDriver;
import io.aeron.driver.ThreadingMode;
import io.aeron.logbuffer.BufferClaim;
import io.aeron.logbuffer.ControlledFragmentHandler;
import io.aeron.logbuffer.Header;
import io.framepipeline.common.transport.Channels;
import io.framepipeline.common.wire.Frames;
import io.framepipeline.common.wire.MessageCheck;
import io.framepipeline.common.wire.RejectReason;
import io.framepipeline.common.wire.sbe.FrameBatchEncoder;
import io.framepipeline.common.wire.sbe.MessageHeaderEncoder;
import java.util.concurrent.TimeUnit;
import org.agrona.DirectBuffer;
import org.agrona.MutableDirectBuffer;
import org.agrona.concurrent.UnsafeBuffer;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;

/** What Aeron costs a batch, with sender, receiver and driver in one thread. */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
public class TransportBenchmark {
  private static final int STREAM_ID = 1;
  private static final int BATCHES_PER_DRIVER_CYCLE = 16;

  private final Channels channels = Channels.of(Channels.DEFAULT);
  private final BufferClaim claim = new BufferClaim();
  private final UnsafeBuffer buffer = new UnsafeBuffer(new byte[Frames.MESSAGE_LENGTH]);
  private final FrameBatchEncoder message = new FrameBatchEncoder();
  private final MessageHeaderEncoder messageHeader = new MessageHeaderEncoder();
  private final MessageCheck check = MessageCheck.forFrames(Frames.BYTE_PAYLOAD_LENGTH);
  private final ControlledFragmentHandler handler = this::onMessage;
  private MediaDriver driver;
  private Aeron aeron;
  private ExclusivePublication publication;
  private Subscription subscription;
  private RejectReason rejectReason;
  private long sent;
  private long taken;

  @Setup
  public void connect() {
    driver =
        MediaDriver.launch(
            new MediaDriver.Context()
                .aeronDirectoryName(CommonContext.generateRandomDirName())
                .dirDeleteOnShutdown(true)
                .threadingMode(ThreadingMode.INVOKER));
    aeron =
        Aeron.connect(
            new Aeron.Context()
                .aeronDirectoryName(driver.aeronDirectoryName())
                .driverAgentInvoker(driver.sharedAgentInvoker())
                .useConductorAgentInvoker(true));
    subscription = aeron.addSubscription(channels.frames(), STREAM_ID);
    publication = aeron.addExclusivePublication(channels.frames(), STREAM_ID);
    while (!publication.isConnected() || !subscription.isConnected()) {
      invokeAeron();
    }
  }

  @TearDown
  public void disconnect() {
    aeron.close();
    driver.close();
  }

  /**
   * A batch's message: claimed, written, committed, polled, checked; and cleaned by the driver.
   *
   * @return how many messages were taken so far
   * @throws IllegalStateException if the check rejects the message, which takes less time
   */
  @Benchmark
  public long passABatch() {
    while (publication.tryClaim(Frames.MESSAGE_LENGTH, claim) < 0) {
      invokeAeron();
    }
    write(claim.buffer(), claim.offset());
    claim.commit();
    // One more than was sent, since a poll at the end of a term finds only padding.
    subscription.controlledPoll(handler, 2);
    if (rejectReason != null) {
      // JMH does not tear down what has failed, and the driver's files are in shared memory.
      disconnect();
      throw new IllegalStateException("the message is rejected: " + rejectReason.label());
    }
    if (++sent % BATCHES_PER_DRIVER_CYCLE == 0) {
      invokeAeron();
    }
    return taken;
  }

  /** Writing the message alone. */
  @Benchmark
  public UnsafeBuffer writeAMessage() {
    write(buffer, 0);
    return buffer;
  }

  /** Does not throw: Aeron would hand the exception to its error handler, and go on. */
  private ControlledFragmentHandler.Action onMessage(
      DirectBuffer buffer, int offset, int length, Header header) {
    rejectReason = check.check(buffer, offset, length, header);
    taken++;
    return ControlledFragmentHandler.Action.CONTINUE;
  }

  private void invokeAeron() {
    driver.sharedAgentInvoker().invoke();
    aeron.conductorAgentInvoker().invoke();
  }

  /** As senders write it. */
  private void write(MutableDirectBuffer buffer, int offset) {
    message
        .wrapAndApplyHeader(buffer, offset, messageHeader)
        .sequence(sent * Frames.BATCH_FRAMES)
        .originNanos(sent)
        .payloadNumber(sent * Frames.BATCH_FRAMES)
        .sourceId(1)
        .answerStreamId(STREAM_ID)
        .payloadLength(Frames.BYTE_PAYLOAD_LENGTH)
        .frameCount(Frames.BATCH_FRAMES);
  }
}
