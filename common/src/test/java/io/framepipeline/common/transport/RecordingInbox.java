package io.framepipeline.common.transport;

import io.aeron.logbuffer.Header;
import io.framepipeline.common.topology.Stage;
import io.framepipeline.common.wire.Frames;
import io.framepipeline.common.wire.sbe.FrameBatchDecoder;
import io.framepipeline.common.wire.sbe.FrameBatchEncoder;
import io.framepipeline.common.wire.sbe.MessageHeaderDecoder;
import java.util.ArrayList;
import java.util.List;
import org.agrona.DirectBuffer;
import org.agrona.concurrent.AgentInvoker;
import org.agrona.concurrent.NanoClock;
import org.agrona.concurrent.UnsafeBuffer;

/**
 * An inbox that a test polls by hand, and that keeps a copy of each message; of one for a batch of
 * frames, a message for each with its payload, if that is there, behind it.
 */
public final class RecordingInbox implements AutoCloseable, Inbox.Handler {
  private static final int FIELDS = MessageHeaderDecoder.ENCODED_LENGTH;

  private final Inbox inbox;
  private final Stage stage;
  private final NanoClock nanoClock;
  private final List<DirectBuffer> messages = new ArrayList<>();
  private final List<Integer> batchLengths = new ArrayList<>();

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

  /** Takes messages for up to so many frames, or the next one for more; returns how many came. */
  public int poll(int limit) {
    return inbox.poll(this, limit, nanoClock.nanoTime());
  }

  /** Every message taken so far, one a frame. */
  public List<DirectBuffer> messages() {
    return messages;
  }

  /** For how many frames each message was that came. */
  public List<Integer> batchLengths() {
    return batchLengths;
  }

  @Override
  public int onMessage(DirectBuffer buffer, int offset, int length, Header header) {
    if (stage == Stage.READER || length != Frames.MESSAGE_LENGTH) {
      messages.add(copy(buffer, offset, length, length));
      return 1;
    }
    int frameCount = new FrameBatchDecoder().wrap(buffer, offset + FIELDS, 0, 0).frameCount();
    // Some tests send messages in which there is nothing but what they look for.
    batchLengths.add(Math.max(1, frameCount));
    for (int i = 0; i < batchLengths.getLast(); i++) {
      addFrame(buffer, offset, inbox.slots(header), i);
    }
    return batchLengths.getLast();
  }

  /** As if it had come alone. */
  private void addFrame(DirectBuffer buffer, int offset, FrameSlots slots, int index) {
    int length = Frames.MESSAGE_LENGTH + stage.inputLength();
    UnsafeBuffer message = copy(buffer, offset, Frames.MESSAGE_LENGTH, length);
    if (index > 0) {
      FrameBatchDecoder batch = new FrameBatchDecoder().wrap(buffer, offset + FIELDS, 0, 0);
      new FrameBatchEncoder()
          .wrap(message, FIELDS)
          .sequence(batch.sequence() + index)
          .payloadNumber(batch.payloadNumber() + index);
    }
    long number = new FrameBatchDecoder().wrap(message, FIELDS, 0, 0).payloadNumber();
    message.putBytes(
        Frames.MESSAGE_LENGTH, slots.buffer(), slots.offset(number), stage.inputLength());
    messages.add(
        slots.isStill(number) ? message : new UnsafeBuffer(message, 0, Frames.MESSAGE_LENGTH));
  }

  private static UnsafeBuffer copy(DirectBuffer buffer, int offset, int length, int capacity) {
    UnsafeBuffer message = new UnsafeBuffer(new byte[capacity]);
    message.putBytes(0, buffer, offset, length);
    return message;
  }

  @Override
  public void close() {
    inbox.close();
  }
}
