package io.framepipeline.common.transport;

import io.aeron.logbuffer.ControlledFragmentHandler;
import io.aeron.logbuffer.Header;
import io.framepipeline.common.frame.FrameSlots;
import io.framepipeline.common.frame.Frames;
import io.framepipeline.common.frame.sbe.ByteFrameDecoder;
import io.framepipeline.common.frame.sbe.MessageHeaderDecoder;
import java.util.ArrayList;
import java.util.List;
import org.agrona.DirectBuffer;
import org.agrona.concurrent.AgentInvoker;
import org.agrona.concurrent.NanoClock;
import org.agrona.concurrent.UnsafeBuffer;

/**
 * An inbox that a test polls by hand, and that keeps a copy of each message with its payload, if
 * that is there, behind it.
 */
public final class RecordingInbox implements AutoCloseable, ControlledFragmentHandler {
  private final Inbox inbox;
  private final Stage stage;
  private final NanoClock nanoClock;
  private final List<DirectBuffer> messages = new ArrayList<>();

  private RecordingInbox(Inbox inbox, Stage stage, DriverConnection connection) {
    this.inbox = inbox;
    this.stage = stage;
    this.nanoClock = connection.aeron().context().nanoClock();
  }

  public static RecordingInbox open(
      DriverConnection connection, String channel, Stage stage, int instanceId) {
    RecordingInbox opened =
        new RecordingInbox(Inbox.open(connection, channel, stage, instanceId), stage, connection);
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
    byte[] copy = new byte[length + stage.payloadLength()];
    UnsafeBuffer message = new UnsafeBuffer(copy);
    buffer.getBytes(offset, copy, 0, length);
    if (stage == Stage.READER || length != Frames.MESSAGE_LENGTH) {
      message.wrap(copy, 0, length);
    } else {
      long number =
          stage == Stage.RECIPROCAL
              ? new ByteFrameDecoder()
                  .wrap(message, MessageHeaderDecoder.ENCODED_LENGTH, 0, 0)
                  .sequence()
              : Inbox.number(header);
      FrameSlots slots = inbox.slots(header);
      slots.buffer().getBytes(slots.offset(number), copy, length, stage.payloadLength());
      if (!slots.isStill(number)) {
        message.wrap(copy, 0, length);
      }
    }
    messages.add(message);
    return Action.CONTINUE;
  }

  @Override
  public void close() {
    inbox.close();
  }
}
