package io.framepipeline.common.metrics;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.agrona.BufferUtil;
import org.agrona.concurrent.UnsafeBuffer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

class LedgerTest {
  private static final int SAMPLES = 200_000;

  private final UnsafeBuffer buffer =
      new UnsafeBuffer(BufferUtil.allocateDirectAligned(Ledger.LENGTH, 64));
  private final Ledger ledger = new Ledger(buffer, 0);

  @Test
  void shouldReadWhatWasWritten() {
    assertThat(ledger.read()).isEqualTo(Ledger.Entry.EMPTY);

    ledger.write(10, 4, 3, 2, 1, 7);

    assertThat(ledger.read()).isEqualTo(new Ledger.Entry(10, 4, 3, 2, 1, 7));
    assertThat(ledger.read().framesLost()).isZero();
  }

  @Test
  void shouldComputeWhatIsLostAndAddUp() {
    Ledger.Entry first = new Ledger.Entry(11, 5, 3, 1, 1, 7);

    assertThat(first.framesLost()).isEqualTo(1);
    assertThat(first.plus(new Ledger.Entry(20, 12, 4, 3, 2, 1)))
        .isEqualTo(new Ledger.Entry(31, 17, 7, 4, 3, 8));
  }

  @Test
  @Timeout(60)
  void shouldAddUpInEveryReadWhileItIsWritten() throws InterruptedException {
    AtomicBoolean isOver = new AtomicBoolean();
    Thread writer =
        Thread.ofPlatform()
            .daemon()
            .start(
                () -> {
                  // Every figure changes with every write, so that a torn read cannot add up.
                  for (long i = 1; !isOver.get(); i++) {
                    ledger.write(11 * i, 5 * i, 3 * i, 2 * i, i, 7 * i);
                  }
                });
    try {
      long last = 0;
      int changes = 0;
      for (int i = 0; i < SAMPLES || changes < SAMPLES / 100; i++) {
        Ledger.Entry entry = ledger.read();
        assertThat(entry.framesLost()).isZero();
        long moment = entry.framesRead() / 11;
        assertThat(entry)
            .isEqualTo(
                new Ledger.Entry(
                    11 * moment, 5 * moment, 3 * moment, 2 * moment, moment, 7 * moment));
        assertThat(moment).isGreaterThanOrEqualTo(last);
        changes += moment > last ? 1 : 0;
        last = moment;
      }
    } finally {
      isOver.set(true);
      assertThat(writer.join(Duration.ofSeconds(30))).isTrue();
    }
  }

  /** A writer that is killed, or held up by the scheduler, inside a write is not waited for. */
  @Test
  @Timeout(value = 60, unit = TimeUnit.SECONDS, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
  void shouldShowTheLastWholeWriteWhileAnotherOneIsUnderWay() {
    for (int writes = 0; writes < 20; writes++) {
      Ledger.Entry before = ledger.read();
      UnsafeBuffer whole = new UnsafeBuffer(new byte[Ledger.LENGTH]);
      buffer.getBytes(0, whole, 0, Ledger.LENGTH);
      ledger.write(10 + writes, 4 + writes, 3, 2, 1, 7);
      Ledger.Entry after = ledger.read();

      // The counter of writes comes first in the buffer and last in a write.
      buffer.putLong(0, whole.getLong(0));
      assertThat(ledger.read()).isEqualTo(before);
      buffer.putLong(0, whole.getLong(0) + 1);
      assertThat(ledger.read()).isEqualTo(after);
    }
  }
}
