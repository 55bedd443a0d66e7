package io.framepipeline.reader;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.agrona.concurrent.UnsafeBuffer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class AbandonedFramesTest {
  private static final UnsafeBuffer BUFFER = new UnsafeBuffer(new byte[] {1, 2, 3, 4, 5});

  @TempDir private Path directory;

  @Test
  void shouldKeepThePayloadUnderSourceIdAndSequence() throws IOException {
    Path kept = directory.resolve("not").resolve("yet").resolve("there");

    new AbandonedFrames(7, kept).onAbandoned(42, BUFFER, 1, 3);

    assertThat(Files.readAllBytes(kept.resolve("7-42.frame"))).containsExactly(2, 3, 4);
  }

  /** The ledger must go on whatever becomes of the copy. */
  @Test
  void shouldGoOnIfThereIsNowhereToKeepIt() throws IOException {
    Path file = Files.createFile(directory.resolve("file"));

    for (Path nowhere : new Path[] {null, file, file.resolve("below")}) {
      assertThatCode(() -> new AbandonedFrames(7, nowhere).onAbandoned(42, BUFFER, 1, 3))
          .doesNotThrowAnyException();
    }
  }
}
