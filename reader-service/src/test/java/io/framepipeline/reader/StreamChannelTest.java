package io.framepipeline.reader;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(60)
class StreamChannelTest {
  @TempDir private Path directory;

  private final ByteBuffer buffer = ByteBuffer.allocateDirect(64);
  private Path fifo;

  @BeforeEach
  void makeFifo() throws Exception {
    fifo = directory.resolve("fifo");
    assertThat(new ProcessBuilder("mkfifo", fifo.toString()).inheritIO().start().waitFor())
        .isZero();
  }

  /** Without the pause it would take a CPU to wait. */
  @Test
  void shouldComeBackNowAndThenWhileThereIsNothingToRead() throws Exception {
    try (StreamChannel withoutWriter = StreamChannel.open(fifo, false)) {
      long startNanos = System.nanoTime();
      assertThat(withoutWriter.await()).isFalse();
      assertThat(System.nanoTime() - startNanos)
          .isGreaterThanOrEqualTo(Duration.ofMillis(100).toNanos());
    }
  }

  @Test
  void shouldReadBehindWhatIsInTheBufferUntilTheWritersAreGone() throws Exception {
    try (StreamChannel channel = StreamChannel.open(fifo, false)) {
      try (RandomAccessFile writer = new RandomAccessFile(fifo.toFile(), "rw")) {
        writer.write(new byte[] {1, 2, 3});
        buffer.put((byte) 0);
        assertThat(channel.read(buffer)).isEqualTo(3);
        assertThat(buffer.flip()).isEqualTo(ByteBuffer.wrap(new byte[] {0, 1, 2, 3}));
        buffer.clear();
        assertThat(channel.read(buffer)).isZero();
      }
      assertThat(channel.read(buffer)).isEqualTo(-1);
    }
  }

  @Test
  void shouldHaveOneReaderAtATime() throws Exception {
    try (StreamChannel first = StreamChannel.open(fifo, false)) {
      assertThat(first.isOpen()).isTrue();
      assertThat(StreamChannel.open(fifo, false)).isNull();
    }
    try (StreamChannel next = StreamChannel.open(fifo, false)) {
      assertThat(next).isNotNull();
    }
  }

  @Test
  void shouldSayWhyItCannotBeOpened() {
    assertThatThrownBy(() -> StreamChannel.open(directory.resolve("missing"), false))
        .isInstanceOf(IOException.class)
        .hasMessage("No such file or directory");
  }
}
