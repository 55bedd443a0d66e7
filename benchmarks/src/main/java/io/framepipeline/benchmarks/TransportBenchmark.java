package io.framepipeline.benchmarks;

import io.aeron.Aeron;
import io.aeron.CommonContext;
import io.aeron.ExclusivePublication;
import io.aeron.Subscription;
import io.aeron.driver.MediaDriver;
import io.aeron.driver.ThreadingMode;
import io.aeron.logbuffer.BufferClaim;
import io.aeron.logbuffer.ControlledFragmentHandler;
import io.framepipeline.common.transport.Channels;
import io.framepipeline.common.wire.Frames;
import io.framepipeline.common.wire.MessageCheck;
import io.framepipeline.common.wire.RejectReason;
import io.framepipeline.common.wire.sbe.FrameBatchEncoder;
import io.framepipeline.common.wire.sbe.MessageHeaderEncoder;
import java.util.concurrent.TimeUnit;
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

/** What Aeron costs a frame, with sender, receiver and driver in one thread. */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
public class TransportBenchmark {
  private static final int STREAM_ID = 1;
  private static final int FRAMES_PER_DRIVER_CYCLE = 16;

  private final Channels channels = Channels.of(Channels.DEFAULT);
  private final BufferClaim claim = new BufferClaim();
  private final UnsafeBuffer header = new UnsafeBuffer(new byte[Frames.MESSAGE_LENGTH]);
  private final FrameBatchEncoder frame = new FrameBatchEncoder();
  private final MessageHeaderEncoder messageHeader = new MessageHeaderEncoder();
  private final MessageCheck check = MessageCheck.forFrames(Frames.BYTE_PAYLOAD_LENGTH);
  private final ControlledFragmentHandler handler =
      (buffer, offset, length, fragmentHeader) -> {
        reason = check.check(buffer, offset, length, fragmentHeader);
        return ControlledFragmentHandler.Action.CONTINUE;
      };
  private MediaDriver driver;
  private Aeron aeron;
  private ExclusivePublication publication;
  private Subscription subscription;
  private RejectReason reason;
  private int frames;

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

  /** Claimed, its header written, committed, polled, checked; and cleaned by the driver. */
  @Benchmark
  public RejectReason passAByteFrame() {
    while (publication.tryClaim(Frames.MESSAGE_LENGTH, claim) < 0) {
      invokeAeron();
    }
    write(claim.buffer(), claim.offset());
    claim.commit();
    // One more than was sent, since a poll at the end of a term finds only padding.
    subscription.controlledPoll(handler, 2);
    if (++frames % FRAMES_PER_DRIVER_CYCLE == 0) {
      invokeAeron();
    }
    return reason;
  }

  /** The header alone. */
  @Benchmark
  public UnsafeBuffer encodeAHeader() {
    write(header, 0);
    return header;
  }

  private void invokeAeron() {
    driver.sharedAgentInvoker().invoke();
    aeron.conductorAgentInvoker().invoke();
  }

  private void write(MutableDirectBuffer buffer, int offset) {
    frame
        .wrapAndApplyHeader(buffer, offset, messageHeader)
        .sequence(frames)
        .originNanos(frames)
        .payloadNumber(frames)
        .sourceId(1)
        .answerStreamId(STREAM_ID)
        .frameCount(Frames.BATCH_FRAMES);
  }
}
