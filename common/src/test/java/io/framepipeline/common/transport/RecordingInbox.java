package io.framepipeline.common.transport;

import io.aeron.logbuffer.ControlledFragmentHandler;
import io.aeron.logbuffer.Header;
import java.util.ArrayList;
import java.util.List;
import org.agrona.DirectBuffer;
import org.agrona.concurrent.AgentInvoker;
import org.agrona.concurrent.NanoClock;
import org.agrona.concurrent.UnsafeBuffer;

/** An inbox that a test polls by hand, and that keeps a copy of each message. */
public final class RecordingInbox implements AutoCloseable, ControlledFragmentHandler {
  private final Inbox inbox;
  private final NanoClock nanoClock;
  private final List<DirectBuffer> messages = new ArrayList<>();

  private RecordingInbox(Inbox inbox, DriverConnection connection) {
    this.inbox = inbox;
    this.nanoClock = connection.aeron().context().nanoClock();
  }

  public static RecordingInbox open(
      DriverConnection connection, String channel, Stage stage, int instanceId) {
    RecordingInbox opened =
        new RecordingInbox(Inbox.open(connection, channel, stage, instanceId), connection);
    AgentInvoker driver = connection.aeron().context().driverAgentInvoker();
    while (!opened.inbox.isOpen()) {
      if (driver != null) {
        driver.invoke();
      }
      connection.aeron().conductorAgentInvoker().invoke();
      opened.poll(0);
    }
    return opened;
  }

  public Inbox inbox() {
    return inbox;
  }

  /** Takes up to so many messages; returns how many came. */
  public int poll(int limit) {
    return inbox.poll(this, limit, nanoClock.nanoTime());
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
