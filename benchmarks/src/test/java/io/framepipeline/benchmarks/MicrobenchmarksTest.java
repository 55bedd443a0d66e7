package io.framepipeline.benchmarks;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;

class MicrobenchmarksTest {
  private static final String METHOD = "io.framepipeline.reader.ResultsBenchmark.write";

  @Test
  void nameHasTheClassAndTheMethod() {
    assertThat(Microbenchmarks.name(METHOD, List.of())).isEqualTo("ResultsBenchmark.write");
  }

  @Test
  void nameHasTheParametersIfThereAreAny() {
    assertThat(Microbenchmarks.name(METHOD, List.of("format=npy", "rows=1")))
        .isEqualTo("ResultsBenchmark.write(format=npy, rows=1)");
  }
}
