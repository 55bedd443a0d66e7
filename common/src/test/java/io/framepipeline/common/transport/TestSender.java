package io.framepipeline.common.transport;

import io.aeron.ExclusivePublication;
import io.aeron.logbuffer.BufferClaim;
import io.framepipeline.common.transport.InboxWatch.RemoteInbox;
import java.util.ArrayList;
import java.util.List;
import org.agrona.DirectBuffer;

/** Sends what a test likes to a stage's inboxes, and keeps account of them. */
public final class TestSender {
  private final List<RemoteInbox> opened = new ArrayList<>();
  private final List<RemoteInbox> lost = new ArrayList<>();
  private final BufferClaim claim = new BufferClaim();
  private final SteppedDriver driver;
  private final SteppedDriver.Peer peer;
  private final Outboxes outboxes;

  private TestSender(SteppedDriver driver, String channel, Stage stage) {
    this.driver = driver;
    this.peer = driver.startPeer();
    this.outboxes =
        new Outboxes(
            peer.connection(),
            channel,
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

  /** Sends a message if an inbox has room for it. */
  public boolean trySend(DirectBuffer message) {
    if (!outboxes.tryClaim(message.capacity(), claim)) {
      return false;
    }
    claim.buffer().putBytes(claim.offset(), message, 0, message.capacity());
    claim.commit();
    return true;
  }

  /** Sends a message, stepping everybody until there is room. */
  public void send(DirectBuffer message) {
    driver.stepUntil("room for a message", () -> trySend(message));
  }

  /** Claims room for a message and never fills it. */
  public boolean claimAndForget(int length) {
    return outboxes.tryClaim(length, claim);
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
