package io.framepipeline.reader;

import static org.assertj.core.api.Assertions.assertThat;

import io.aeron.Aeron;
import io.aeron.CommonContext;
import io.aeron.ExclusivePublication;
import io.aeron.driver.MediaDriver;
import io.aeron.driver.ThreadingMode;
import io.framepipeline.common.config.ExitCode;
import io.framepipeline.common.linux.PipelineCpu;
import io.framepipeline.common.metrics.Figure;
import io.framepipeline.common.metrics.Ledger;
import io.framepipeline.common.metrics.StageStats;
import io.framepipeline.common.service.CommonSettings;
import io.framepipeline.common.service.IdleMode;
import io.framepipeline.common.service.StageAgent;
import io.framepipeline.common.topology.Stage;
import io.framepipeline.common.transport.Channels;
import io.framepipeline.common.transport.DriverConnection;
import io.framepipeline.common.transport.RecordingInbox;
import io.framepipeline.common.wire.Frames;
import io.framepipeline.common.wire.TestMessages;
import io.framepipeline.common.wire.sbe.FrameBatchDecoder;
import io.framepipeline.common.wire.sbe.MessageHeaderDecoder;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalLong;
import java.util.Random;
import java.util.function.BooleanSupplier;
import java.util.stream.LongStream;
import org.agrona.DirectBuffer;
import org.agrona.IoUtil;
import org.agrona.concurrent.IdleStrategy;
import org.agrona.concurrent.SleepingMillisIdleStrategy;
import org.agrona.concurrent.status.CountersReader;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The reader's agent when its driver goes: with drivers on threads of their own and real time. */
@Timeout(60)
class ReconnectionTest {
  private static final Channels CHANNELS = Channels.of("aeron:ipc?term-length=64k");
  private static final int FRAMES = 20;

  /** The value of an inbox's counter. */
  private static final long STOPPING = 2;

  @TempDir private Path directory;

  /** In shared memory, with room for the locks beside the driver's own directory. */
  private final Path sharedDirectory = Path.of(CommonContext.generateRandomDirName());

  private final String aeronDirectory = sharedDirectory.resolve("aeron").toString();

  private final StageStats stats = StageStats.inMemory();

  /** The driver has a thread of its own, and perhaps no CPU. */
  private final IdleStrategy idleStrategy = new SleepingMillisIdleStrategy(1);

  private ReaderService service;
  private StageAgent agent;

  @AfterEach
  void closeAgent() {
    agent.close();
    service.close();
    IoUtil.delete(sharedDirectory.toFile(), true);
  }

  @Test
  void shouldSendEverythingUnacknowledgedAgainWhenTheDriverIsReplaced() throws IOException {
    byte[] input = new byte[FRAMES * Frames.BYTE_PAYLOAD_LENGTH];
    new Random(9).nextBytes(input);
    startAgent(Files.write(directory.resolve("input"), input));
    agent.doWork();
    assertThat(stats.counter(Figure.READY).get()).as("there is no driver yet").isZero();

    int sourceId;
    try (MediaDriver driver = launchDriver();
        DriverConnection connection = connect(driver);
        RecordingInbox inbox = openInbox(connection)) {
      stepUntil("all frames", () -> poll(connection, inbox) == FRAMES);
      sourceId = decode(inbox.messages().getFirst()).sourceId();
      acknowledge(connection.aeron(), inbox, 3, 4, 5, 6, 7);
      stepUntil("five norms", () -> stats.ledger.read().framesAcknowledged() == 5);
    }
    stepUntil("the loss of the driver", () -> stats.counter(Figure.READY).get() == 0);
    assertThat(agent.isDone()).isFalse();
    assertThat(stats.ledger.read()).isEqualTo(new Ledger.Entry(FRAMES, 5, 15, 0, 0, 0));

    try (MediaDriver driver = launchDriver();
        DriverConnection connection = connect(driver);
        RecordingInbox inbox = openInbox(connection)) {
      stepUntil("the rest, again", () -> poll(connection, inbox) == 15);
      for (DirectBuffer message : inbox.messages()) {
        FrameBatchDecoder frame = decode(message);
        assertThat(frame.sourceId()).as("the same source to the norms").isEqualTo(sourceId);
        byte[] payload = new byte[Frames.BYTE_PAYLOAD_LENGTH];
        message.getBytes(Frames.MESSAGE_LENGTH, payload);
        int offset = (int) frame.sequence() * Frames.BYTE_PAYLOAD_LENGTH;
        assertThat(payload).isEqualTo(Arrays.copyOfRange(input, offset, offset + payload.length));
      }
      List<Long> sequences =
          inbox.messages().stream().map(message -> decode(message).sequence()).toList();
      assertThat(sequences)
          .containsExactly(0L, 1L, 2L, 8L, 9L, 10L, 11L, 12L, 13L, 14L, 15L, 16L, 17L, 18L, 19L);

      acknowledge(connection.aeron(), inbox, LongStream.range(0, FRAMES).toArray());
      stepUntil("the end", agent::isDone);
    }
    assertThat(stats.ledger.read()).isEqualTo(new Ledger.Entry(FRAMES, FRAMES, 0, 0, 0, 15));
    assertThat(service.exitCode()).isEqualTo(ExitCode.OK);
  }

  /** The others wait for it, also if it has to connect first. */
  @Test
  void shouldSayThatItIsEndingOnEachConnection() throws IOException {
    startAgent(Files.write(directory.resolve("input"), new byte[Frames.BYTE_PAYLOAD_LENGTH]));
    try (MediaDriver driver = launchDriver();
        DriverConnection connection = connect(driver);
        RecordingInbox inbox = openInbox(connection)) {
      stepUntil("the frame", () -> poll(connection, inbox) == 1);
      agent.stop();
      stepUntil("its word", () -> readerStates(connection).equals(List.of(STOPPING)));
    }
    stepUntil("the loss of the driver", () -> stats.counter(Figure.READY).get() == 0);
    try (MediaDriver driver = launchDriver();
        DriverConnection connection = connect(driver);
        RecordingInbox inbox = openInbox(connection)) {
      stepUntil("the frame, again", () -> poll(connection, inbox) == 1);
      assertThat(readerStates(connection)).containsExactly(STOPPING);
      acknowledge(connection.aeron(), inbox, 0);
      stepUntil("the end", agent::isDone);
    }
    assertThat(service.exitCode()).isEqualTo(ExitCode.OK);
  }

  @Test
  void shouldTellAStopFromTheEndOfTheInput() throws IOException {
    startAgent(Files.write(directory.resolve("input"), new byte[Frames.BYTE_PAYLOAD_LENGTH]));
    agent.stop();
    agent.stop();
    stepUntil("the end", agent::isDone);
    assertThat(service.exitCode()).isEqualTo(ExitCode.STOPPED);
  }

  /** Of the readers' inboxes, whose counters say it. */
  private static List<Long> readerStates(DriverConnection connection) {
    List<Long> states = new ArrayList<>();
    CountersReader counters = connection.aeron().countersReader();
    counters.forEach(
        (counterId, typeId, key, label) -> {
          if (label.startsWith("inbox reader ")) {
            states.add(counters.getCounterValue(counterId));
          }
        });
    return states;
  }

  private void startAgent(Path input) {
    ReaderSettings settings =
        new ReaderSettings(
            new Source(input.toString()),
            false,
            OptionalLong.empty(),
            OptionalLong.empty(),
            64,
            PartialFrame.REFUSE,
            2,
            null,
            null,
            null);
    Path aeronPath = Path.of(aeronDirectory);
    CommonSettings common =
        new CommonSettings(
            aeronPath, CHANNELS, IdleMode.BACKOFF, PipelineCpu.any(), 0, OptionalLong.empty());
    service = new ReaderService(settings, common, stats);
    agent = new StageAgent(Stage.READER, common, common.sharedMemory(), service, stats);
  }

  private MediaDriver launchDriver() {
    return MediaDriver.launch(
        new MediaDriver.Context()
            // With Aeron's default two drivers fill 64 MB of /dev/shm.
            .counterValuesBufferLength(1 << 20)
            .aeronDirectoryName(aeronDirectory)
            .dirDeleteOnStart(true)
            .dirDeleteOnShutdown(true)
            .threadingMode(ThreadingMode.SHARED)
            .asyncExecutorEnabled(false));
  }

  private static DriverConnection connect(MediaDriver driver) {
    return DriverConnection.open(
        new Aeron.Context()
            .aeronDirectoryName(driver.aeronDirectoryName())
            .useConductorAgentInvoker(true));
  }

  private static RecordingInbox openInbox(DriverConnection connection) {
    return RecordingInbox.open(connection, CHANNELS.frames(), Stage.RECIPROCAL, 1);
  }

  private static int poll(DriverConnection connection, RecordingInbox inbox) {
    connection.aeron().conductorAgentInvoker().invoke();
    inbox.poll(2);
    return inbox.messages().size();
  }

  private void acknowledge(Aeron aeron, RecordingInbox inbox, long... sequences) {
    FrameBatchDecoder frame = decode(inbox.messages().getFirst());
    try (ExclusivePublication acks =
        aeron.addExclusivePublication(CHANNELS.answers(), frame.answerStreamId())) {
      stepUntil(
          "room for the norms",
          () -> acks.offer(TestMessages.norms(frame.sourceId(), sequences)) > 0);
    }
  }

  private void stepUntil(String what, BooleanSupplier condition) {
    while (!condition.getAsBoolean()) {
      if (Thread.currentThread().isInterrupted()) {
        throw new AssertionError("never came: " + what);
      }
      idleStrategy.idle(agent.doWork());
    }
  }

  private static FrameBatchDecoder decode(DirectBuffer message) {
    return new FrameBatchDecoder().wrapAndApplyHeader(message, 0, new MessageHeaderDecoder());
  }
}
