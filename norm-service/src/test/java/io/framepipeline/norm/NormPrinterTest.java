package io.framepipeline.norm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import org.agrona.concurrent.MessageHandler;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class NormPrinterTest {
  private static final Duration WATCHDOG = Duration.ofSeconds(30);
  private static final int PIPE_BUF = 4096;

  private record Printed(int sourceId, int ackStreamId, long sequence) {}

  private final List<Printed> printed = new ArrayList<>();
  private final MessageHandler onPrinted =
      NormPrinter.adapt(
          (sourceId, ackStreamId, sequence) ->
              printed.add(new Printed(sourceId, ackStreamId, sequence)));

  @Test
  void shouldPrintALineANorm() {
    Output output = new Output();
    try (NormPrinter printer = new NormPrinter(output)) {
      printer.print(7, 10, 0, 5.108);
      printer.print(-2147483648, -1, Long.MAX_VALUE, 64);
      printer.print(0, 0, 1, 0.25);
      handBackAll(printer);
    }

    assertThat(output.text())
        .isEqualTo("7 0 5.108\n-2147483648 9223372036854775807 64.0\n0 1 0.25\n");
    assertThat(printed)
        .containsExactly(
            new Printed(7, 10, 0),
            new Printed(-2147483648, -1, Long.MAX_VALUE),
            new Printed(0, 0, 1));
  }

  @Test
  void shouldPrintNormsThatReadBackAsTheSameDouble() {
    Output output = new Output();
    List<Double> norms = new ArrayList<>();
    Random random = new Random(1);
    try (NormPrinter printer = new NormPrinter(output)) {
      for (int i = 0; i < 5_000; i++) {
        double norm =
            i % 2 == 0
                ? 0.25 + random.nextDouble() * 63.75
                : Math.abs(Double.longBitsToDouble(random.nextLong() & ~(1L << 62)));
        awaitRoom(printer);
        norms.add(norm);
        printer.print(1, 1, i, norm);
      }
      handBackAll(printer);
    }

    List<String> lines = output.text().lines().toList();
    assertThat(lines).hasSameSizeAs(norms);
    for (int i = 0; i < lines.size(); i++) {
      String[] fields = lines.get(i).split(" ", -1);
      assertThat(fields).hasSize(3).startsWith("1", Integer.toString(i));
      assertThat(Double.parseDouble(fields[2])).isEqualTo(norms.get(i));
    }
  }

  @Test
  void shouldHandBackInOrderWithRepeatsUnprinted() {
    Output output = new Output();
    List<Printed> expected = new ArrayList<>();
    StringBuilder lines = new StringBuilder();
    Random random = new Random(1);
    try (NormPrinter printer = new NormPrinter(output)) {
      for (int i = 0; i < 10_000; i++) {
        awaitRoom(printer);
        expected.add(new Printed(i % 3, i % 5, i));
        if (random.nextBoolean()) {
          printer.print(i % 3, i % 5, i, i);
          lines.append("%s %s %s.0\n".formatted(i % 3, i, i));
        } else {
          printer.pass(i % 3, i % 5, i);
        }
      }
      handBackAll(printer);
    }

    assertThat(printed).isEqualTo(expected);
    assertThat(output.text()).isEqualTo(lines.toString());
  }

  /** Lines of the greatest length, so that as many bytes as possible come together in a write. */
  @Test
  void shouldEndEveryWriteAtALineEndWithinWhatAPipeTakesInOnePiece() {
    Output output = new Output();
    int count = 5_000;
    try (NormPrinter printer = new NormPrinter(output)) {
      for (int i = 0; i < count; i++) {
        awaitRoom(printer);
        printer.print(Integer.MIN_VALUE, -1, Long.MIN_VALUE, -Double.MIN_NORMAL);
      }
      handBackAll(printer);
    }

    assertThat(output.writes)
        .allSatisfy(
            write -> {
              assertThat(write.length()).isLessThanOrEqualTo(PIPE_BUF);
              assertThat(write).matches(text -> text.isEmpty() || text.endsWith("\n"));
            });
    assertThat(output.text().lines()).hasSize(count);
  }

  @Test
  void shouldHandBackOnlyWhatHasBeenWritten() {
    Output output = new Output();
    output.block();
    try (NormPrinter printer = new NormPrinter(output)) {
      printer.print(1, 1, 0, 1);
      await().atMost(WATCHDOG).until(output::isBlocking);

      assertThat(printer.poll(onPrinted, 100)).isZero();
      assertThat(printer.outstanding()).isEqualTo(1);

      output.unblock();
      handBackAll(printer);
      assertThat(output.text()).isEqualTo("1 0 1.0\n");
      assertThat(printer.outstanding()).isZero();
    }
  }

  @Test
  void shouldNotWaitForAReaderOfItsOutput() {
    Output output = new Output();
    output.block();
    int count = 0;
    try (NormPrinter printer = new NormPrinter(output)) {
      while (printer.hasRoom(1)) {
        printer.print(1, 1, count, count);
        count++;
      }
      assertThat(count).isPositive().isEqualTo(printer.outstanding());
      assertThat(printer.poll(onPrinted, count)).isZero();

      output.unblock();
      handBackAll(printer);
      assertThat(printer.hasRoom(1)).isTrue();
    }

    assertThat(printed).hasSize(count);
    assertThat(output.text().lines()).hasSize(count);
  }

  /** Only in the next write does a process learn that nobody reads what it prints. */
  @Test
  void shouldHandBackEverythingWhenItsOutputIsGone() {
    OutputStream gone =
        new OutputStream() {
          @Override
          public void write(int b) throws IOException {
            throw new IOException("Broken pipe");
          }
        };
    try (NormPrinter printer = new NormPrinter(gone)) {
      for (int i = 0; i < 3_000; i++) {
        awaitRoom(printer);
        printer.print(1, 1, i, i);
      }
      handBackAll(printer);
    }

    assertThat(printed).hasSize(3_000);
  }

  @Test
  void shouldWriteWhatItHasBeforeItEnds() {
    Output output = new Output();
    NormPrinter printer = new NormPrinter(output);
    for (int i = 0; i < 1_000; i++) {
      printer.print(1, 1, i, i);
    }

    printer.close();

    assertThat(output.text().lines()).hasSize(1_000);
  }

  private void awaitRoom(NormPrinter printer) {
    if (!printer.hasRoom(1)) {
      await()
          .atMost(WATCHDOG)
          .pollInterval(Duration.ofMillis(1))
          .until(() -> printer.poll(onPrinted, 100) >= 0 && printer.hasRoom(1));
    }
  }

  private void handBackAll(NormPrinter printer) {
    await()
        .atMost(WATCHDOG)
        .pollInterval(Duration.ofMillis(1))
        .until(() -> printer.poll(onPrinted, 100) >= 0 && printer.outstanding() == 0);
  }

  /** Keeps every write apart; a write can be made to wait like one to a pipe that nobody reads. */
  private static final class Output extends OutputStream {
    final List<String> writes = new ArrayList<>();
    private volatile CountDownLatch latch = new CountDownLatch(0);
    private volatile boolean isBlocking;

    void block() {
      latch = new CountDownLatch(1);
    }

    void unblock() {
      latch.countDown();
    }

    boolean isBlocking() {
      return isBlocking;
    }

    @Override
    public void write(int b) {
      throw new AssertionError("a write of one byte");
    }

    @Override
    public void write(byte[] bytes, int offset, int length) throws IOException {
      isBlocking = true;
      try {
        latch.await();
      } catch (InterruptedException e) {
        throw new IOException(e);
      }
      isBlocking = false;
      synchronized (writes) {
        writes.add(new String(bytes, offset, length, StandardCharsets.US_ASCII));
      }
    }

    String text() {
      synchronized (writes) {
        return String.join("", writes);
      }
    }
  }
}
