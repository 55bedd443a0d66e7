package io.framepipeline.common.transport;

import io.aeron.ExclusivePublication;
import io.aeron.logbuffer.BufferClaim;
import io.framepipeline.common.topology.Stage;
import io.framepipeline.common.transport.InboxWatch.RemoteInbox;
import io.framepipeline.common.wire.Frames;
import io.framepipeline.common.wire.TestMessages;
import io.framepipeline.common.wire.sbe.FrameBatchEncoder;
import io.framepipeline.common.wire.sbe.MessageHeaderEncoder;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.agrona.DirectBuffer;

/** Sends what a test likes to a stage's inboxes, and keeps account of them. */
public final class TestSender {
  private final List<RemoteInbox> opened = new ArrayList<>();
  private final List<RemoteInbox> lost = new ArrayList<>();
  private final BufferClaim claim = new BufferClaim();
  private final SteppedDriver driver;
  private final Stage stage;
  private final SteppedDriver.Peer peer;
  private final Outboxes outboxes;

  private TestSender(SteppedDriver driver, String channel, Stage stage) {
    this.driver = driver;
    this.stage = stage;
    this.peer = driver.startPeer();
    this.outboxes =
        new Outboxes(
            peer.connection(),
            channel,
            this::createSlots,
            stage,
            new InboxWatch.Listener() {
              @Override
              public void onOpen(RemoteInbox inbox) {
                opened.add(inbox);
              }

              @Override
              public void onLost(RemoteInbox inbox) {
                lost.add(inbox);
              }
            });
    peer.run(outboxes::doWork);
  }

  /** A sender, a peer of its own, that is connected to at least one inbox of the stage. */
  public static TestSender connect(SteppedDriver driver, String channel, Stage stage) {
    TestSender sender = new TestSender(driver, channel, stage);
    driver.stepUntil("an inbox to send to", () -> sender.outboxes.connectedCount() > 0);
    return sender;
  }

  /** Sends a message, and its payload if it has one, if an inbox has room for it. */
  public boolean trySend(DirectBuffer message) {
    return TestMessages.payloadOf(message) == null
        ? tryWrite(opened.getFirst(), message)
        : trySendBatch(List.of(message));
  }

  /** Sends one message for all, and the payloads of those that have one, if there is room. */
  private boolean trySendBatch(List<DirectBuffer> messages) {
    FrameClaim claimed = outboxes.tryClaimBatch(messages.size());
    if (claimed == null) {
      return false;
    }
    FrameSlots slots = claimed.slots();
    for (int i = 0; i < messages.size(); i++) {
      DirectBuffer payload = TestMessages.payloadOf(messages.get(i));
      if (payload != null) {
        long number = claimed.number() + i;
        slots.beginWriting(number);
        slots.buffer().putBytes(slots.offset(number), payload, 0, payload.capacity());
        slots.written(number);
      }
    }
    BufferClaim space = claimed.space();
    space.buffer().putBytes(space.offset(), messages.getFirst(), 0, Frames.MESSAGE_LENGTH);
    new FrameBatchEncoder()
        .wrap(space.buffer(), space.offset() + MessageHeaderEncoder.ENCODED_LENGTH)
        .payloadNumber(claimed.number())
        .frameCount(messages.size());
    space.commit();
    return true;
  }

  /** Sends a message to one inbox. */
  private boolean tryWrite(RemoteInbox inbox, DirectBuffer message) {
    if (!outboxes.tryClaim(inbox.streamId(), message.capacity(), claim)) {
      return false;
    }
    claim.buffer().putBytes(claim.offset(), message, 0, message.capacity());
    claim.commit();
    return true;
  }

  private SlotFile createSlots(Path path) throws IOException {
    return SlotFile.create(path, Outboxes.WINDOW_FRAMES, stage.inputLength());
  }

  /** Sends a message, stepping everybody until there is room. */
  public void send(DirectBuffer message) {
    driver.stepUntil("room for a message", () -> trySend(message));
  }

  /**
   * Sends one message for frames in sequence, stepping everybody until there is room; those without
   * payloads are gone.
   */
  public void sendBatch(List<DirectBuffer> messages) {
    driver.stepUntil("room for a batch", () -> trySendBatch(messages));
  }

  /** Claims room for a frame's message and never fills it. */
  public boolean claimAndForget() {
    return outboxes.tryClaimBatch(1) != null;
  }

  /** Sends a message that is longer than a fragment may be. */
  public void sendInFragments(String channel, DirectBuffer message) {
    int streamId = opened.getFirst().streamId();
    try (ExclusivePublication publication =
        peer.aeron().addExclusivePublication(channel, streamId)) {
      driver.stepUntil("room for fragments", () -> publication.offer(message) > 0);
    }
  }

  public SteppedDriver.Peer peer() {
    return peer;
  }

  /** Inboxes that were there at some time. */
  public List<RemoteInbox> opened() {
    return opened;
  }

  /** Inboxes that went without having left. */
  public List<RemoteInbox> lost() {
    return lost;
  }
}
