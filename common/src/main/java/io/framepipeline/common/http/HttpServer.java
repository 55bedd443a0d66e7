package io.framepipeline.common.http;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Function;
import org.agrona.CloseHelper;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Serves a few pages, one request per connection. Its thread never waits for a single client,
 * however that client behaves. The JDK's server reads a request on a thread that the client can
 * block for as long as it likes. When all its connections are taken, it refuses new clients.
 *
 * <p>A client has a limited time to send its request, and the same time again to take the answer.
 * In that time it may also send what the server has not asked for. If a client comes while there
 * are {@link #MAX_CONNECTIONS}, the oldest connection is closed to make room.
 */
public final class HttpServer implements AutoCloseable {
  /** Each connection has a buffer of {@link #MAX_HEAD_LENGTH}. */
  static final int MAX_CONNECTIONS = 256;

  static final int MAX_HEAD_LENGTH = 8 * 1024;

  private static final long SWEEP_INTERVAL_MILLIS = 100;
  private static final long ACCEPT_RETRY_NANOS = TimeUnit.MILLISECONDS.toNanos(100);

  private static final Logger LOG = LoggerFactory.getLogger(HttpServer.class);

  /**
   * What is at a path.
   *
   * @param executor makes the content; if that takes moments only, it can be the server's own
   *     thread
   */
  public record Page(Executor executor, Function<HttpRequest, HttpAnswer> content) {}

  private final long limitNanos;
  private final Map<String, Page> pages;
  private final ServerSocketChannel server;
  private final Selector selector;
  private final Thread thread;

  /** In the order in which they came. */
  private final List<Connection> connections = new ArrayList<>();

  private volatile boolean isClosed;

  /**
   * Binds and starts.
   *
   * @param name of the thread
   * @param limit how long a client may take for its request, and again for the answer
   * @param pages by path
   */
  public HttpServer(String name, InetSocketAddress address, Duration limit, Map<String, Page> pages)
      throws IOException {
    this.limitNanos = limit.toNanos();
    this.pages = pages;
    server = ServerSocketChannel.open();
    try {
      server.bind(address, MAX_CONNECTIONS);
      server.configureBlocking(false);
      selector = Selector.open();
      server.register(selector, SelectionKey.OP_ACCEPT);
    } catch (IOException e) {
      server.close();
      throw e;
    }
    thread = Thread.ofPlatform().name(name).daemon().start(this::run);
  }

  /** The port on which the server listens. */
  public int port() {
    return server.socket().getLocalPort();
  }

  /** Ends the server and every connection. Answers that executors still make are dropped. */
  @Override
  public void close() {
    isClosed = true;
    selector.wakeup();
    try {
      thread.join();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private void run() {
    try {
      while (!isClosed) {
        selector.select(this::onReady, connections.isEmpty() ? 0 : SWEEP_INTERVAL_MILLIS);
        long nowNanos = System.nanoTime();
        connections.removeIf(connection -> connection.isOver(nowNanos));
      }
    } catch (IOException e) {
      LOG.error("{} serves no more", Thread.currentThread().getName(), e);
    } finally {
      connections.forEach(Connection::close);
      CloseHelper.closeAll(server, selector);
    }
  }

  private void onReady(SelectionKey key) {
    if (key.attachment() instanceof Connection connection) {
      connection.goOn();
    } else {
      accept();
    }
  }

  private void accept() {
    try {
      SocketChannel channel = server.accept();
      if (channel != null) {
        if (connections.size() == MAX_CONNECTIONS) {
          makeRoom();
        }
        connections.add(new Connection(channel));
      }
    } catch (IOException e) {
      // The process has no descriptor left. Waiting clients are accepted later.
      LockSupport.parkNanos(ACCEPT_RETRY_NANOS);
    }
  }

  /** Spares connections whose answers are being made, because these soon end by themselves. */
  private void makeRoom() {
    Connection victim =
        connections.stream()
            .filter(connection -> connection.state != State.ANSWERING)
            .findFirst()
            .orElse(connections.getFirst());
    victim.close();
    connections.remove(victim);
  }

  private enum State {
    /** Receives the request. */
    RECEIVING,
    /** Waits for the answer to be made. */
    ANSWERING,
    /** Sends the answer. */
    SENDING,
    /**
     * Has sent the answer and waits until the client closes. Closing earlier would reset the
     * connection.
     */
    ENDING
  }

  private final class Connection {
    private final SocketChannel channel;
    private final SelectionKey key;
    private final ByteBuffer received = ByteBuffer.allocate(MAX_HEAD_LENGTH);
    private State state = State.RECEIVING;
    private long deadlineNanos = System.nanoTime() + limitNanos;

    /** Written by the page's executor. */
    private volatile ByteBuffer answer;

    Connection(SocketChannel channel) throws IOException {
      this.channel = channel;
      channel.configureBlocking(false);
      key = channel.register(selector, SelectionKey.OP_READ, this);
    }

    /** Does what it can without waiting. */
    void goOn() {
      try {
        switch (state) {
          case RECEIVING -> receive();
          case ANSWERING -> {}
          case SENDING -> send();
          case ENDING -> awaitEnd();
        }
      } catch (IOException e) {
        close();
      }
    }

    /** Whether the connection has ended, or its time is over. */
    boolean isOver(long nowNanos) {
      if (state == State.ANSWERING && answer != null) {
        state = State.SENDING;
        deadlineNanos = nowNanos + limitNanos;
        goOn();
      } else if (state != State.ANSWERING && nowNanos - deadlineNanos >= 0) {
        close();
      }
      return !channel.isOpen();
    }

    void close() {
      CloseHelper.quietClose(channel);
    }

    private void receive() throws IOException {
      int count = channel.read(received);
      if (count == -1 && received.position() == 0) {
        close();
        return;
      }
      try {
        HttpRequest request = HttpRequest.parse(received.array(), received.position());
        if (request != null) {
          answer(request);
        } else if (count == -1) {
          answer(HttpAnswer.of(HttpStatus.BAD_REQUEST), false);
        } else if (!received.hasRemaining()) {
          answer(HttpAnswer.of(HttpStatus.HEAD_TOO_LARGE), false);
        }
      } catch (HttpRefusal e) {
        answer(HttpAnswer.of(e.status()), false);
      }
    }

    private void answer(HttpRequest request) {
      state = State.ANSWERING;
      key.interestOps(0);
      Page page = pages.get(request.path());
      if (page == null) {
        answer(HttpAnswer.of(HttpStatus.NOT_FOUND), request.isHead());
      } else {
        page.executor.execute(() -> answer(page, request));
      }
    }

    private void answer(Page page, HttpRequest request) {
      if (channel.isOpen()) {
        HttpAnswer made;
        try {
          made = page.content.apply(request);
        } catch (RuntimeException | LinkageError e) {
          LOG.error("{} cannot be shown", request.path(), e);
          made = HttpAnswer.of(HttpStatus.INTERNAL_ERROR);
        }
        answer(made, request.isHead());
      }
    }

    private void answer(HttpAnswer made, boolean isHead) {
      state = State.ANSWERING;
      answer = made.toBytes(isHead);
      selector.wakeup();
    }

    private void send() throws IOException {
      channel.write(answer);
      if (answer.hasRemaining()) {
        key.interestOps(SelectionKey.OP_WRITE);
      } else {
        channel.shutdownOutput();
        state = State.ENDING;
        key.interestOps(SelectionKey.OP_READ);
      }
    }

    private void awaitEnd() throws IOException {
      if (channel.read(received.clear()) == -1) {
        close();
      }
    }
  }
}
