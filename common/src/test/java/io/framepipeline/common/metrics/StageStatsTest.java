package io.framepipeline.common.metrics;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.framepipeline.common.wire.RejectReason;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.agrona.concurrent.status.AtomicCounter;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class StageStatsTest {
  @TempDir private Path directory;

  @Test
  void shouldShowAnotherMappingEveryFigure() throws IOException {
    Path file = directory.resolve("norm-1.stats");
    StageStats written = StageStats.create(file);
    StageStats seen = StageStats.open(file);
    assertThat(seen).isNotNull();

    setAll(written);

    assertAll(seen);
  }

  @Test
  void shouldKeepTheFiguresOfAnInstanceThatIsGone() throws IOException {
    Path file = directory.resolve("norm-1.stats");
    setAll(StageStats.create(file));

    assertAll(StageStats.open(file));
  }

  @Test
  void shouldBeginWithZeros() throws IOException {
    Path file = directory.resolve("norm-1.stats");
    setAll(StageStats.create(file));

    for (StageStats stats : List.of(StageStats.create(file), StageStats.inMemory())) {
      counters(stats).forEach(counter -> assertThat(counter.get()).isZero());
      assertThat(stats.ledger.read()).isEqualTo(Ledger.Entry.EMPTY);
      assertThat(stats.latencyNanos.snapshot().count()).isZero();
      assertThat(stats.norms.snapshot().count()).isZero();
    }
  }

  @Test
  void shouldHaveNothingToOpenUntilTheFileIsWhole() throws IOException {
    Path file = directory.resolve("norm-1.stats");
    assertThat(StageStats.open(file)).isNull();

    StageStats.create(file);
    byte[] whole = Files.readAllBytes(file);
    Files.write(file, new byte[0]);
    assertThat(StageStats.open(file)).isNull();
    Files.write(file, new byte[whole.length - 1]);
    assertThat(StageStats.open(file)).isNull();
    Files.write(file, whole);
    assertThat(StageStats.open(file)).isNotNull();
  }

  @Test
  void shouldSayThatTheFileCannotBeCreated() {
    assertThatExceptionOfType(IOException.class)
        .isThrownBy(() -> StageStats.create(directory.resolve("missing").resolve("norm-1.stats")));
  }

  /** Each a value of its own, so that two that overlap would be noticed. */
  private static void setAll(StageStats stats) {
    long value = 1_000;
    for (AtomicCounter counter : counters(stats)) {
      counter.setRelease(value++);
    }
    stats.ledger.write(10, 5, 3, 2, 7);
    stats.latencyNanos.record(20_000);
    stats.norms.record(5.1);
    stats.norms.record(1e9);
  }

  private static void assertAll(StageStats stats) {
    long value = 1_000;
    for (AtomicCounter counter : counters(stats)) {
      assertThat(counter.get()).isEqualTo(value++);
    }
    assertThat(stats.ledger.read()).isEqualTo(new Ledger.Entry(10, 5, 3, 2, 7));
    assertThat(stats.latencyNanos.snapshot().count()).isEqualTo(1);
    assertThat(stats.latencyNanos.snapshot().max()).isEqualTo(20_000);
    assertThat(stats.norms.snapshot().count()).isEqualTo(2);
    assertThat(stats.norms.snapshot().sum()).isEqualTo(1e9 + 5.1);
    assertThat(stats.norms.snapshot().counts()).endsWith(1);
  }

  private static List<AtomicCounter> counters(StageStats stats) {
    List<AtomicCounter> counters =
        new ArrayList<>(Arrays.stream(Figure.values()).map(stats::counter).toList());
    for (RejectReason reason : RejectReason.values()) {
      counters.add(stats.rejected(reason));
    }
    return counters;
  }
}
