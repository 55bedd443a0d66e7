package io.framepipeline.launcher;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.framepipeline.common.config.ExitCode;
import io.framepipeline.common.config.ExitException;
import io.framepipeline.common.topology.Stage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(value = 1, unit = TimeUnit.MINUTES)
class ScaleRequestsTest {
  private static final Map<Stage, Integer> ASKED = Map.of(Stage.RECIPROCAL, 3, Stage.NORM, 2);

  @TempDir private Path directory;

  @Test
  void shouldHandOverWhatIsAskedOnceAndLeaveNoFile() throws IOException {
    CompletableFuture<ExitException> refusal = ask();
    answerUntil(refusal, counts -> assertThat(counts).isEqualTo(ASKED));
    assertThat(refusal.join()).isNull();
    assertThat(directory).isEmptyDirectory();
  }

  @Test
  void shouldHandARefusalBackWithItsExitCode() throws IOException {
    CompletableFuture<ExitException> refusal = ask();
    answerUntil(
        refusal,
        counts -> {
          throw new ExitException(ExitCode.NO_INPUT, "refused for a reason");
        });
    assertThat(refusal.join()).hasMessage("refused for a reason");
    assertThat(refusal.join().exitCode()).isEqualTo(ExitCode.NO_INPUT);
  }

  @Test
  void shouldNotWaitForARunThatHasEnded() {
    assertThatExceptionOfType(ExitException.class)
        .isThrownBy(() -> new ScaleRequests(directory).ask(ASKED, () -> false))
        .withMessageContaining("has ended");
  }

  /** Full memory, or what else keeps the answer from being written. */
  @Test
  void shouldAnswerLaterIfItCannotNowAndDoWhatIsAskedOnce() throws IOException {
    Path request = Files.writeString(directory.resolve("1.scale"), "NORM 2");
    Path answer = directory.resolve("1.answer");
    Files.createDirectory(answer);
    ScaleRequests run = new ScaleRequests(directory);
    AtomicInteger handled = new AtomicInteger();

    for (int attempt = 0; attempt < 2; attempt++) {
      run.take(counts -> handled.incrementAndGet());
      assertThatExceptionOfType(IOException.class).isThrownBy(run::answer);
    }
    Files.delete(answer);
    run.take(counts -> handled.incrementAndGet());
    run.answer();

    assertThat(handled).hasValue(1);
    assertThat(answer).hasContent("0");
    assertThat(request).doesNotExist();
  }

  private CompletableFuture<ExitException> ask() {
    return CompletableFuture.supplyAsync(
        () -> {
          try {
            new ScaleRequests(directory).ask(ASKED, () -> true);
            return null;
          } catch (ExitException e) {
            return e;
          } catch (IOException e) {
            throw new AssertionError(e);
          }
        });
  }

  private void answerUntil(CompletableFuture<?> end, Consumer<Map<Stage, Integer>> handler)
      throws IOException {
    ScaleRequests run = new ScaleRequests(directory);
    while (!end.isDone()) {
      run.take(handler);
      run.answer();
      Thread.onSpinWait();
    }
  }
}
