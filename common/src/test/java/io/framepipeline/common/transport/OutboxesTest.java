package io.framepipeline.common.transport;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.sun.management.ThreadMXBean;
import io.aeron.ChannelUriStringBuilder;
import io.aeron.logbuffer.Header;
import io.framepipeline.common.topology.Stage;
import io.framepipeline.common.transport.InboxWatch.RemoteInbox;
import io.framepipeline.common.wire.Frames;
import io.framepipeline.common.wire.TestMessages;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.agrona.DirectBuffer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class OutboxesTest {
  private static final Channels CHANNELS = Channels.of(Channels.DEFAULT);

  /** What an inbox is given that nobody has seen reading. */
  private static final int ENOUGH_FRAMES = 8;

  /** Longer than the driver takes to notice that a client is dead. */
  private static final Duration DEATH = Duration.ofSeconds(12);

  private final SteppedDriver driver = new SteppedDriver();
  private final SteppedDriver.Peer sender = driver.startPeer();
  private final List<RemoteInbox> opened = new ArrayList<>();
  private final List<RemoteInbox> leaving = new ArrayList<>();
  private final List<RemoteInbox> lost = new ArrayList<>();
  private final Outboxes outboxes = newOutboxes();

  @AfterEach
  void closeDriver() {
    driver.close();
  }

  @Test
  void shouldFindInboxesOfItsStageOnly() {
    startInbox(Stage.NORM);
    RecordingInbox inbox = startInbox(Stage.RECIPROCAL);

    driver.stepUntil("a connection", () -> outboxes.connectedCount() > 0);
    driver.stepFor(Duration.ofSeconds(1));

    assertThat(outboxes.connectedCount()).isEqualTo(1);
    assertThat(opened).extracting(RemoteInbox::streamId).containsExactly(inbox.inbox().streamId());
    assertThat(outboxes.isOpen(inbox.inbox().streamId())).isTrue();
    assertThat(leaving).isEmpty();
    assertThat(lost).isEmpty();
  }

  @Test
  void shouldClaimNothingWhileNoInboxIsKnown() {
    driver.step();
    assertThat(send(0)).isFalse();
  }

  @Test
  void shouldSpreadFramesEvenly() {
    List<RecordingInbox> inboxes =
        IntStream.range(0, 3).mapToObj(i -> startInbox(Stage.RECIPROCAL)).toList();
    driver.stepUntil("three connections", () -> outboxes.connectedCount() == 3);

    // There is room everywhere at every frame, so only the turn decides.
    int frames = 3000;
    sendAndPoll(0, frames, inboxes);

    int most = inboxes.stream().mapToInt(inbox -> inbox.messages().size()).max().orElseThrow();
    int least = inboxes.stream().mapToInt(inbox -> inbox.messages().size()).min().orElseThrow();
    assertThat((double) most / least).isLessThanOrEqualTo(1.2);
    assertThat(sequencesOf(inboxes))
        .containsExactlyInAnyOrderElementsOf(IntStream.range(0, frames).boxed().toList());
  }

  @Test
  void shouldGoOnWhenSeveralInboxesAreLostAtOnce() {
    RecordingInbox survivor = startInbox(Stage.RECIPROCAL);
    RecordingInbox other = startInbox(Stage.RECIPROCAL);
    List<SteppedDriver.Peer> doomed = List.of(driver.startPeer(), driver.startPeer());
    doomed.forEach(peer -> openInbox(peer, Stage.RECIPROCAL));
    driver.stepUntil("four connections", () -> outboxes.connectedCount() == 4);
    // Wherever the turn is, also behind those that are left.
    for (int turn = 0; turn < 3; turn++) {
      assertThat(send(turn)).isTrue();
    }

    doomed.forEach(SteppedDriver.Peer::kill);
    driver.stepUntil("two losses", () -> lost.size() == 2);
    for (int i = 3; i < 10; i++) {
      assertThat(send(i)).isTrue();
    }
    driver.stepUntil("them", () -> pollAll(List.of(survivor, other)) >= 7);
  }

  @Test
  void shouldPassOverAFullInbox() {
    RecordingInbox stuck = startInbox(Stage.RECIPROCAL);
    RecordingInbox healthy = startInbox(Stage.RECIPROCAL);
    driver.stepUntil("two connections", () -> outboxes.connectedCount() == 2);

    int frames = 10 * Outboxes.WINDOW_FRAMES;
    for (int i = 0; i < frames; i++) {
      // Room for one is enough: the stuck inbox may delay no single frame.
      assertThat(send(i)).as("frame %d", i).isTrue();
      driver.step();
      // Two, since a poll may find nothing but the padding at a term's end.
      healthy.poll(2);
      driver.step();
    }

    assertThat(healthy.messages().size())
        .isGreaterThanOrEqualTo(frames - Outboxes.WINDOW_FRAMES - 1);
    driver.stepUntil(
        "the rest", () -> pollAll(List.of(stuck, healthy)) == frames && stuck.poll(1) == 0);
    assertThat(sequencesOf(List.of(stuck, healthy))).doesNotHaveDuplicates().hasSize(frames);
  }

  @Test
  void shouldGiveSlowInboxesNoMoreThanTheyReadInAWhile() {
    Outboxes wide = otherOutboxes();
    List<RecordingInbox> inboxes = List.of(startNormInbox(), startNormInbox());
    driver.stepUntil("two connections", () -> wide.connectedCount() == 2);

    // Each reads one frame a millisecond, and there is always more.
    int sent = 0;
    for (int step = 0; step < 1000; step++) {
      while (send(wide, sent)) {
        sent++;
      }
      inboxes.forEach(inbox -> inbox.poll(1));
      driver.step();
    }
    int unread = sent - inboxes.stream().mapToInt(inbox -> inbox.messages().size()).sum();
    assertThat(unread).as("two times 20 ms of frames, not two windows").isBetween(16, 44);
  }

  @Test
  void shouldNotBuryAnInboxThatStopsUnderABurst() {
    Outboxes wide = otherOutboxes();
    RecordingInbox inbox = startNormInbox();
    driver.stepUntil("a connection", () -> wide.connectedCount() == 1);

    // One frame a millisecond, and all of them read.
    for (int sent = 0; sent < 200; sent++) {
      assertThat(send(wide, sent)).isTrue();
      driver.step();
      inbox.poll(1);
    }
    int queued = 0;
    for (int step = 0; step < 200; step++) {
      while (send(wide, queued)) {
        queued++;
      }
      driver.step();
    }
    assertThat(queued).as("twice what it read in 10 ms, not all there is").isBetween(8, 24);
  }

  @Test
  void shouldClaimNoMoreThanThereAreSlots() {
    Outboxes wide = otherOutboxes();
    RecordingInbox inbox = startNormInbox();
    driver.stepUntil("a connection", () -> wide.connectedCount() == 1);
    int batches = 0;
    // It reads fast enough to be given all there is room for.
    for (int step = 0; step < 200; step++) {
      while (commit(wide.tryClaimBatch(Frames.BATCH_FRAMES))) {
        batches++;
      }
      driver.step();
      inbox.poll(Outboxes.WINDOW_FRAMES);
      inbox.poll(Outboxes.WINDOW_FRAMES);
    }

    long next = (long) batches * Frames.BATCH_FRAMES;
    int unread = 0;
    FrameClaim claim = wide.tryClaimBatch(Frames.BATCH_FRAMES - 1);
    while (claim != null) {
      assertThat(claim.number()).isEqualTo(next + unread);
      commit(claim);
      unread += Frames.BATCH_FRAMES - 1;
      claim = wide.tryClaimBatch(Frames.BATCH_FRAMES - 1);
    }
    assertThat(unread).isEqualTo(Outboxes.WINDOW_FRAMES / 15 * 15);
    assertThat(wide.tryClaimBatch(1)).as("one more fits").isNotNull();
  }

  /** As one that takes what it gets and answers nothing. */
  @Test
  void shouldAvoidTheInboxThatAFrameDidNotComeBackFrom() {
    RecordingInbox hole = startInbox(Stage.RECIPROCAL);
    RecordingInbox other = startInbox(Stage.RECIPROCAL);
    driver.stepUntil("two connections", () -> outboxes.connectedCount() == 2);
    long avoided = registrationIdOf(hole);

    // The hole reads at once, the other one nothing, until it is full.
    int sent = 0;
    for (; sent < Outboxes.WINDOW_FRAMES; sent++) {
      FrameClaim claim = outboxes.tryClaimBatch(1, avoided);
      assertThat(claim.inbox()).isEqualTo(registrationIdOf(other));
      commit(claim);
      driver.step();
      hole.poll(1);
    }
    FrameClaim claim = outboxes.tryClaimBatch(1, avoided);
    assertThat(claim.inbox()).as("better than none").isEqualTo(avoided);
    commit(claim);
    assertThat(hole.poll(1)).isEqualTo(1);
  }

  @Test
  void shouldNotAvoidTheOnlyInbox() {
    RecordingInbox only = startInbox(Stage.RECIPROCAL);
    driver.stepUntil("a connection", () -> outboxes.connectedCount() == 1);
    long avoided = registrationIdOf(only);

    for (int i = 0; i < ENOUGH_FRAMES; i++) {
      assertThat(commit(outboxes.tryClaimBatch(1, avoided))).isTrue();
    }
    assertThat(outboxes.tryClaimBatch(1, avoided)).as("it has enough").isNull();
  }

  @Test
  void shouldKnowWhetherTheWayToAnInboxIsMade() {
    RecordingInbox inbox = startInbox(Stage.RECIPROCAL);
    int streamId = inbox.inbox().streamId();
    driver.stepUntil("the inbox", () -> outboxes.isOpen(streamId));
    assertThat(outboxes.isConnected(streamId)).isFalse();
    driver.stepUntil("a connection", () -> outboxes.isConnected(streamId));
    assertThat(outboxes.isConnected(streamId + 1)).isFalse();
  }

  @Test
  void shouldClaimNothingWhileEveryInboxHasEnough() {
    List<RecordingInbox> inboxes =
        List.of(startInbox(Stage.RECIPROCAL), startInbox(Stage.RECIPROCAL));
    driver.stepUntil("two connections", () -> outboxes.connectedCount() == 2);

    int sent = 0;
    while (send(sent)) {
      sent++;
    }
    assertThat(sent).isEqualTo(2 * ENOUGH_FRAMES);
    driver.stepFor(Duration.ofSeconds(1));
    assertThat(send(sent)).isFalse();

    inboxes.getFirst().poll(Outboxes.WINDOW_FRAMES);
    driver.step();
    assertThat(send(sent)).as("there is room again").isTrue();
  }

  @Test
  void shouldGiveALateInboxItsShare() {
    RecordingInbox early = startInbox(Stage.RECIPROCAL);
    driver.stepUntil("a connection", () -> outboxes.connectedCount() == 1);
    sendAndPoll(0, 100, List.of(early));

    RecordingInbox late = startInbox(Stage.RECIPROCAL);
    driver.stepUntil("both", () -> outboxes.connectedCount() == 2);
    sendAndPoll(100, 300, List.of(early, late));

    assertThat(late.messages().size()).isCloseTo(100, within(2));
    assertThat(early.messages().size() + late.messages().size()).isEqualTo(300);
  }

  @Test
  void shouldKeepTheQueueOfASlowInboxShort() {
    RecordingInbox slow = startInbox(Stage.RECIPROCAL);
    RecordingInbox fast = startInbox(Stage.RECIPROCAL);
    driver.stepUntil("two connections", () -> outboxes.connectedCount() == 2);

    int frames = 1000;
    for (int i = 0; i < frames; i++) {
      assertThat(send(i)).isTrue();
      fast.poll(2);
      if (i % 10 == 0) {
        slow.poll(1);
      }
      driver.step();
    }
    int taken = slow.messages().size();
    driver.stepUntil("the rest", () -> pollAll(List.of(slow, fast)) == frames);

    assertThat(slow.messages().size() - taken)
        .as("waiting, while the other inbox was empty")
        .isLessThanOrEqualTo(2);
  }

  @Test
  void shouldGoOnSendingToAnInboxWhoseOwnerWasToldToStop() {
    RecordingInbox inbox = startInbox(Stage.RECIPROCAL);
    driver.stepUntil("a connection", () -> outboxes.connectedCount() == 1);
    inbox.inbox().announceStop();
    driver.stepFor(Duration.ofSeconds(1));
    assertThat(send(0)).isTrue();
    driver.stepUntil("the frame", () -> pollAll(List.of(inbox)) == 1);
    assertThat(leaving).isEmpty();
  }

  @Test
  void shouldConnectToAnInboxWhoseOwnerWasToldToStopBefore() {
    startInbox(Stage.RECIPROCAL).inbox().announceStop();
    driver.stepUntil("a connection", () -> outboxes.connectedCount() == 1);
    assertThat(send(0)).isTrue();
  }

  @Test
  void shouldLetAnInboxLeaveWithEverythingItWasSent() {
    RecordingInbox inbox = startInbox(Stage.RECIPROCAL);
    driver.stepUntil("a connection", () -> outboxes.connectedCount() == 1);
    for (int i = 0; i < ENOUGH_FRAMES; i++) {
      assertThat(send(i)).isTrue();
    }

    inbox.inbox().leave(driver.nanoTime());
    driver.stepUntil("the sender's farewell", () -> !leaving.isEmpty());
    assertThat(send(ENOUGH_FRAMES)).as("nothing more for an inbox that leaves").isFalse();
    driver.stepFor(Duration.ofSeconds(1));
    assertThat(inbox.inbox().isDrained(driver.nanoTime())).as("they are unread").isFalse();

    driver.stepUntil(
        "the end",
        () -> {
          inbox.poll(1);
          return inbox.inbox().isDrained(driver.nanoTime());
        });
    inbox.inbox().drained();
    inbox.close();
    driver.stepFor(DEATH);

    assertThat(sequencesOf(List.of(inbox))).containsExactlyElementsOf(range(0, ENOUGH_FRAMES));
    assertThat(leaving).isEqualTo(opened).hasSize(1);
    assertThat(lost).isEmpty();
  }

  /** Aeron closes everything of a process that was stopped for too long. */
  @Test
  void shouldNotTakeALeavingInboxForDrainedWhoseClientIsClosed() {
    SteppedDriver.Peer peer = driver.startPeer();
    Inbox inbox = peer.own(openInbox(peer, Stage.RECIPROCAL)).inbox();
    driver.stepUntil("a connection", () -> outboxes.connectedCount() == 1);
    assertThat(send(0)).isTrue();
    inbox.leave(driver.nanoTime());
    driver.stepFor(Duration.ofSeconds(1));

    peer.aeron().close();

    assertThat(inbox.isDrained(driver.nanoTime())).isFalse();
  }

  @Test
  void shouldNotTakeALeavingInboxForDrainedWhileASenderMayStillConnect() {
    RecordingInbox inbox = startInbox(Stage.RECIPROCAL);
    inbox.inbox().leave(driver.nanoTime());
    assertThat(inbox.inbox().isDrained(driver.nanoTime() + InboxWatch.INTERVAL_NANOS)).isFalse();
    driver.stepUntil("the end", () -> inbox.inbox().isDrained(driver.nanoTime()));
  }

  @Test
  void shouldReportAnInboxLostAtOnceWhoseOwnerIsKilled() {
    SteppedDriver.Peer owner = driver.startPeer();
    openInbox(owner, Stage.RECIPROCAL);
    driver.stepUntil("a connection", () -> outboxes.connectedCount() == 1);

    owner.kill();
    driver.stepFor(Duration.ofMillis(50));
    assertThat(lost).isEqualTo(opened).isEqualTo(leaving).hasSize(1);
    assertThat(send(0)).isFalse();
    assertThat(driver.inboxCount(Stage.RECIPROCAL)).as("the driver knows nothing yet").isOne();

    driver.stepFor(DEATH);
    assertThat(driver.inboxCount(Stage.RECIPROCAL)).isZero();
    assertThat(lost).as("reported once").hasSize(1);
    assertThat(opened).hasSize(1);
  }

  @Test
  void shouldNotSendToAnInboxWhoseOwnerWasDeadBefore() {
    SteppedDriver.Peer owner = driver.startPeer();
    openInbox(owner, Stage.NORM);
    owner.kill();
    SteppedDriver.Peer peer = driver.startPeer();
    Outboxes late =
        new Outboxes(
            peer.connection(),
            CHANNELS.frames(),
            OutboxesTest::createSlots,
            Stage.NORM,
            new InboxWatch.Listener() {});
    peer.run(late::doWork);

    driver.stepFor(Duration.ofSeconds(1));
    assertThat(driver.inboxCount(Stage.NORM)).isOne();
    assertThat(late.connectedCount()).isZero();
  }

  @Test
  void shouldReportAnInboxLostWhoseOwnerIsEvicted() {
    SteppedDriver.Peer owner = driver.startPeer();
    openInbox(owner, Stage.RECIPROCAL);
    driver.stepUntil("a connection", () -> outboxes.connectedCount() == 1);

    owner.stop();
    driver.stepFor(Duration.ofSeconds(5));
    assertThat(lost).as("too early to tell a pause from death").isEmpty();
    driver.stepUntil("the loss", () -> !lost.isEmpty());

    assertThat(lost).isEqualTo(opened).isEqualTo(leaving).hasSize(1);
    assertThat(send(0)).isFalse();
  }

  @Test
  void shouldReportAnInboxLostWhoseOwnerEndsWithoutLeaving() {
    SteppedDriver.Peer owner = driver.startPeer();
    openInbox(owner, Stage.RECIPROCAL);
    driver.stepUntil("a connection", () -> outboxes.connectedCount() == 1);

    owner.close();
    // The driver looks after its clients once a second; no time-out has to pass.
    driver.stepFor(Duration.ofSeconds(2));

    assertThat(lost).isEqualTo(opened).hasSize(1);
  }

  @Test
  void shouldReportAnInboxLostWhoseOwnerIsKilledWhileLeaving() {
    SteppedDriver.Peer owner = driver.startPeer();
    RecordingInbox inbox = openInbox(owner, Stage.RECIPROCAL);
    driver.stepUntil("a connection", () -> outboxes.connectedCount() == 1);
    assertThat(send(0)).isTrue();

    inbox.inbox().leave(driver.nanoTime());
    driver.stepUntil("the sender's farewell", () -> !leaving.isEmpty());
    owner.kill();
    driver.stepFor(DEATH);

    assertThat(lost).isEqualTo(opened).hasSize(1);
    assertThat(leaving).hasSize(1);
  }

  @Test
  void shouldReplaceAPublicationThatHasReachedItsLastPosition() {
    // Four frames before the end of the last of 2^31 terms.
    ChannelUriStringBuilder frames = new ChannelUriStringBuilder(CHANNELS.frames());
    int left = 4 * TestMessages.LOG_LENGTH;
    String nearTheEnd =
        frames
            .initialTermId(0)
            .termId(Integer.MAX_VALUE)
            .termOffset(frames.termLength() - left)
            .build();
    SteppedDriver.Peer peer = driver.startPeer();
    Outboxes old =
        new Outboxes(
            peer.connection(),
            nearTheEnd,
            OutboxesTest::createSlots,
            Stage.RECIPROCAL,
            new InboxWatch.Listener() {});
    peer.run(old::doWork);
    RecordingInbox inbox = startInbox(Stage.RECIPROCAL);
    driver.stepUntil("a connection", () -> old.connectedCount() == 1);

    for (int i = 0; i < 12; i++) {
      int sequence = i;
      driver.stepUntil("frame " + i, () -> send(old, sequence));
      inbox.poll(1);
    }
    driver.stepUntil("all frames", () -> pollAll(List.of(inbox)) == 12);

    assertThat(sequencesOf(List.of(inbox))).containsExactlyInAnyOrderElementsOf(range(0, 12));
  }

  /** A log with long terms, and a reader's large window, would take more. */
  @Test
  void shouldSendNoMoreMessagesThanCanBeNotedAsUnread() {
    SteppedDriver.Peer peer = driver.startPeer();
    Outboxes wide =
        new Outboxes(
            peer.connection(),
            "aeron:ipc?term-length=1m",
            path -> SlotFile.create(path, 4096, Stage.RECIPROCAL.inputLength()),
            Stage.RECIPROCAL,
            new InboxWatch.Listener() {});
    peer.run(wide::doWork);
    RecordingInbox inbox = startInbox(Stage.RECIPROCAL);
    driver.stepUntil("a connection", () -> wide.connectedCount() == 1);

    // It reads 150 in a millisecond, so that 3000 would be enough; then it stops.
    List<Integer> received = new ArrayList<>();
    int sent = 0;
    for (int step = 0; step < 300; step++) {
      for (int i = 0; i < 150 && send(wide, sent); i++) {
        sent++;
      }
      inbox.poll(150);
      takeSequences(inbox, received);
      driver.step();
    }
    int unreadBefore = sent - received.size();
    int burst = 0;
    while (send(wide, sent + burst)) {
      burst++;
    }
    assertThat(unreadBefore + burst).isEqualTo(1024);

    int all = sent + burst;
    driver.stepUntil(
        "all frames",
        () -> {
          inbox.poll(10);
          takeSequences(inbox, received);
          return received.size() == all;
        });
    assertThat(received).containsExactlyElementsOf(range(0, all));
    driver.step();
    assertThat(send(wide, all)).isTrue();
  }

  @Test
  void shouldAllocateNothingInSteadyState() {
    ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    Inbox one = startInbox(Stage.RECIPROCAL).inbox();
    Inbox two = startInbox(Stage.RECIPROCAL).inbox();
    driver.stepUntil("two connections", () -> outboxes.connectedCount() == 2);
    SinkHandler sink = new SinkHandler();

    // The JVM itself allocates a little now and then while it compiles; what the code allocates
    // comes again in every run. Each is 5 s of the driver's time: 100 looks at the counters.
    long least = Long.MAX_VALUE;
    for (int run = 0; run < 10 && least > 0; run++) {
      long allocated = 0;
      for (int i = 0; i < 5000; i++) {
        driver.stepDriver();
        sender.aeron().conductorAgentInvoker().invoke();
        long before = threads.getCurrentThreadAllocatedBytes();
        outboxes.doWork(driver.nanoTime());
        sendUnnumbered(4);
        one.poll(sink, 4, driver.nanoTime());
        two.poll(sink, 4, driver.nanoTime());
        allocated += threads.getCurrentThreadAllocatedBytes() - before;
      }
      least = Math.min(least, allocated);
    }

    assertThat(sink.count).isGreaterThan(5000);
    assertThat(least).isZero();
  }

  /** So that the messages themselves need not be kept. */
  private static void takeSequences(RecordingInbox inbox, List<Integer> sequences) {
    sequences.addAll(sequencesOf(List.of(inbox)));
    inbox.messages().clear();
  }

  private long registrationIdOf(RecordingInbox inbox) {
    return opened.stream()
        .filter(candidate -> candidate.streamId() == inbox.inbox().streamId())
        .mapToLong(RemoteInbox::registrationId)
        .findAny()
        .orElseThrow();
  }

  private void sendUnnumbered(int frames) {
    for (int i = 0; i < frames; i++) {
      commit(outboxes.tryClaimBatch(1));
    }
  }

  private static final class SinkHandler implements Inbox.Handler {
    private long count;

    @Override
    public int onMessage(DirectBuffer buffer, int offset, int length, Header header) {
      count++;
      return 1;
    }
  }

  private Outboxes newOutboxes() {
    Outboxes created =
        new Outboxes(
            sender.connection(),
            CHANNELS.frames(),
            OutboxesTest::createSlots,
            Stage.RECIPROCAL,
            new InboxWatch.Listener() {
              @Override
              public void onOpen(RemoteInbox inbox) {
                opened.add(inbox);
              }

              @Override
              public void onLeaving(RemoteInbox inbox) {
                leaving.add(inbox);
              }

              @Override
              public void onLost(RemoteInbox inbox) {
                lost.add(inbox);
              }
            });
    sender.run(created::doWork);
    return created;
  }

  private RecordingInbox startInbox(Stage stage) {
    return openInbox(sender, stage);
  }

  private Outboxes otherOutboxes() {
    SteppedDriver.Peer peer = driver.startPeer();
    Outboxes created =
        new Outboxes(
            peer.connection(),
            CHANNELS.frames(),
            OutboxesTest::createSlots,
            Stage.NORM,
            new InboxWatch.Listener() {});
    peer.run(created::doWork);
    return created;
  }

  private RecordingInbox startNormInbox() {
    return RecordingInbox.open(sender.connection(), CHANNELS.frames(), Stage.NORM, 7);
  }

  private static RecordingInbox openInbox(SteppedDriver.Peer owner, Stage stage) {
    return RecordingInbox.open(owner.connection(), CHANNELS.frames(), stage, 7);
  }

  private boolean send(int sequence) {
    return send(outboxes, sequence);
  }

  private boolean send(Outboxes from, int sequence) {
    FrameClaim claim = from.tryClaimBatch(1);
    if (claim != null) {
      claim.space().buffer().putInt(claim.space().offset(), sequence);
    }
    return commit(claim);
  }

  /** Hands over a message, whatever is in it; returns whether there was room for one. */
  private static boolean commit(FrameClaim claim) {
    if (claim != null) {
      claim.space().commit();
    }
    return claim != null;
  }

  private void sendAndPoll(int from, int to, List<RecordingInbox> inboxes) {
    for (int i = from; i < to; i++) {
      assertThat(send(i)).isTrue();
      // Two, since a poll may find nothing but the padding at a term's end.
      inboxes.forEach(inbox -> inbox.poll(2));
      driver.step();
    }
    driver.stepUntil("everything sent", () -> pollAll(inboxes) == to);
  }

  private static int pollAll(List<RecordingInbox> inboxes) {
    int total = 0;
    for (RecordingInbox inbox : inboxes) {
      inbox.poll(10);
      total += inbox.messages().size();
    }
    return total;
  }

  private static List<Integer> sequencesOf(List<RecordingInbox> inboxes) {
    return inboxes.stream()
        .flatMap(inbox -> inbox.messages().stream())
        .map(message -> message.getInt(0))
        .toList();
  }

  private static List<Integer> range(int from, int to) {
    return IntStream.range(from, to).boxed().toList();
  }

  private static SlotFile createSlots(Path path) throws IOException {
    return SlotFile.create(path, Outboxes.WINDOW_FRAMES, 64);
  }
}
