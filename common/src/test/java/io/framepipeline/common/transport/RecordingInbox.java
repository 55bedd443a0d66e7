package io.framepipeline.common.transport;

import io.aeron.Aeron;
import io.aeron.logbuffer.ControlledFragmentHandler;
import io.aeron.logbuffer.Header;
import java.util.ArrayList;
import java.util.List;
import org.agrona.DirectBuffer;
import org.agrona.concurrent.UnsafeBuffer;

/** An inbox that a test polls by hand, and that keeps a copy of each message. */
public final class RecordingInbox implements AutoCloseable, ControlledFragmentHandler {
  private final Inbox inbox;
  private final List<DirectBuffer> messages = new ArrayList<>();

  private RecordingInbox(Inbox inbox) {
    this.inbox = inbox;
  }

  public static RecordingInbox open(Aeron aeron, String channel, Stage stage, int instanceId) {
    return new RecordingInbox(Inbox.open(aeron, channel, stage, instanceId));
  }

  public Inbox inbox() {
    return inbox;
  }

  /** Takes up to so many messages; returns how many came. */
  public int poll(int limit) {
    return inbox.poll(this, limit);
  }

  /** Every message taken so far. */
  public List<DirectBuffer> messages() {
    return messages;
  }

  @Override
  public Action onFragment(DirectBuffer buffer, int offset, int length, Header header) {
    byte[] copy = new byte[length];
    buffer.getBytes(offset, copy);
    messages.add(new UnsafeBuffer(copy));
    return Action.CONTINUE;
  }

  @Override
  public void close() {
    inbox.close();
  }
}
