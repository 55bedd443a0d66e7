package io.framepipeline.launcher;

import java.io.EOFException;
import java.io.IOException;
import java.net.SocketTimeoutException;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.time.Duration;

/**
 * Sends one line over a socket and reads one back, each within a time limit. Closing it leaves the
 * socket open.
 */
final class LineChannel implements AutoCloseable {
  private final SocketChannel channel;
  private final Selector selector;
  private final Duration limit;

  LineChannel(SocketChannel channel, Duration limit) throws IOException {
    this.channel = channel;
    this.limit = limit;
    channel.configureBlocking(false);
    selector = Selector.open();
  }

  /**
   * Waits for a line.
   *
   * @throws IOException if it is longer than {@code maxBytes}, does not end, or takes too long
   */
  String read(int maxBytes) throws IOException {
    long startNanos = System.nanoTime();
    ByteBuffer line = ByteBuffer.allocate(maxBytes);
    while (line.hasRemaining()) {
      await(SelectionKey.OP_READ, startNanos);
      if (channel.read(line) < 0) {
        throw new EOFException("connection closed");
      }
      if (line.position() > 0 && line.get(line.position() - 1) == '\n') {
        return new String(line.array(), 0, line.position() - 1, StandardCharsets.UTF_8);
      }
    }
    throw new IOException("a line of more than %s bytes".formatted(maxBytes));
  }

  /**
   * Sends a line.
   *
   * @throws IOException if the other end is gone or takes too long
   */
  void write(String line) throws IOException {
    long startNanos = System.nanoTime();
    ByteBuffer bytes = StandardCharsets.UTF_8.encode(line + "\n");
    while (bytes.hasRemaining()) {
      await(SelectionKey.OP_WRITE, startNanos);
      channel.write(bytes);
    }
  }

  private void await(int operation, long startNanos) throws IOException {
    channel.register(selector, operation);
    long millis = limit.minusNanos(System.nanoTime() - startNanos).toMillis();
    if (millis <= 0 || selector.select(key -> {}, millis) == 0) {
      throw new SocketTimeoutException("no answer in time");
    }
  }

  @Override
  public void close() throws IOException {
    selector.close();
  }
}
