package io.framepipeline.benchmarks;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class TransportBenchmarkTest {
  /** More than a log of three terms holds. */
  private static final int BATCHES = 3000;

  private final TransportBenchmark benchmark = new TransportBenchmark();

  @BeforeEach
  void connect() {
    benchmark.connect();
  }

  @AfterEach
  void disconnect() {
    benchmark.disconnect();
  }

  @Test
  void everyBatchIsTakenAndNoneRejected() {
    long taken = 0;
    for (int batch = 0; batch < BATCHES; batch++) {
      taken = benchmark.passABatch();
    }
    assertThat(taken).isEqualTo(BATCHES);
  }
}
