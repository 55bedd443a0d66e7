package io.framepipeline.launcher;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.framepipeline.common.config.ExitCode;
import io.framepipeline.common.config.ExitException;
import java.nio.file.Path;
import java.util.List;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;

class RunSelectionTest {
  private static final Path ONE = Path.of("/dev/shm/frame-pipeline-1");
  private static final Path OTHER = Path.of("/dev/shm/frame-pipeline-2");

  private final RunSelection selection = new RunSelection();

  @Test
  void shouldTakeTheOnlyRun() {
    assertThat(selection.choose(List.of(ONE))).isEqualTo(ONE);
  }

  @Test
  void shouldTakeTheRunWhoseDirectoryOrAeronDirectoryIsGiven() {
    selection.directory = OTHER;
    assertThat(selection.choose(List.of(ONE, OTHER))).isEqualTo(OTHER);
    selection.directory = Path.of("/dev/shm/../shm/frame-pipeline-2/aeron/");
    assertThat(selection.choose(List.of(ONE, OTHER))).isEqualTo(OTHER);
  }

  @Test
  void shouldSayHowToStartARunIfThereIsNone() {
    assertRefused(() -> selection.choose(List.of()), "no pipeline", "./pipeline run");
  }

  @Test
  void shouldNameTheCandidatesIfThereAreSeveral() {
    assertRefused(
        () -> selection.choose(List.of(ONE, OTHER)),
        "2 pipelines",
        "--dir",
        ONE + "/aeron",
        OTHER + "/aeron");
  }

  @Test
  void shouldNameTheCandidatesIfNoneHasTheDirectoryThatIsGiven() {
    selection.directory = OTHER;
    assertRefused(
        () -> selection.choose(List.of(ONE)), "--dir=" + OTHER, "running: " + ONE + "/aeron");
    assertRefused(() -> selection.choose(List.of()), "--dir=" + OTHER, "running: none");
  }

  private static void assertRefused(ThrowingCallable choice, String... parts) {
    assertThatThrownBy(choice)
        .isInstanceOfSatisfying(
            ExitException.class, e -> assertThat(e.exitCode()).isEqualTo(ExitCode.USAGE))
        .message()
        .contains(parts)
        .doesNotContain("\n");
  }
}
