package io.framepipeline.launcher;

import static org.assertj.core.api.Assertions.assertThat;

import io.framepipeline.common.config.ExitCode;
import io.framepipeline.common.metrics.Figure;
import io.framepipeline.common.metrics.FiguresDirectory;
import io.framepipeline.common.metrics.StageStats;
import io.framepipeline.common.topology.Stage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class StageInstancesTest {
  /** Later than any delay before a restart. */
  private static final long LATER_NANOS = TimeUnit.MINUTES.toNanos(1);

  @TempDir private Path directory;

  private final List<FakeProcess> processes = new ArrayList<>();
  private final ByteArrayOutputStream printed = new ByteArrayOutputStream();
  private final Console console =
      new Console(new PrintStream(printed, true, StandardCharsets.UTF_8));
  private FiguresDirectory figures;
  private boolean hasRoom = true;
  private final StageInstances instances =
      new StageInstances(
          Stage.RECIPROCAL, isJoining -> start(Stage.RECIPROCAL, isJoining), console);

  @BeforeEach
  void openFigures() {
    figures = new FiguresDirectory(directory.resolve("aeron"));
  }

  @Test
  void shouldTellTheNewestToLeaveAndNotReplaceThem() {
    instances.resize(3);
    processes.forEach(FakeProcess::becomeReady);
    instances.resize(1);
    assertThat(processes).extracting(process -> process.terminations).containsExactly(0, 1, 1);
    assertThat(instances.wanted()).isEqualTo(1);

    processes.get(1).end(ExitCode.OK);
    instances.doWork(System.nanoTime());
    assertThat(instances.wanted()).isEqualTo(1);

    processes.get(2).end(ExitCode.OK);
    instances.doWork(System.nanoTime() + LATER_NANOS);
    assertThat(instances.wanted()).isEqualTo(1);
    assertThat(processes).hasSize(3);
    assertThat(printed.toString(StandardCharsets.UTF_8)).isEmpty();
  }

  @Test
  void shouldTellNobodyTwiceToLeave() {
    instances.resize(2);
    instances.resize(1);
    instances.resize(0);
    assertThat(processes).extracting(process -> process.terminations).containsExactly(1, 1);
  }

  @Test
  void shouldGrowWhileOthersAreLeaving() {
    instances.resize(2);
    instances.resize(1);
    instances.resize(2);
    assertThat(processes).hasSize(3);
    assertThat(instances.wanted()).isEqualTo(2);
    assertThat(running()).isEqualTo(3);
  }

  @Test
  void shouldSayIfAnInstanceThatWasToldToLeaveIsKilledButNotReplaceIt() {
    instances.resize(2);
    instances.resize(1);
    processes.get(1).end(137);
    instances.doWork(System.nanoTime());
    instances.doWork(System.nanoTime() + LATER_NANOS);
    assertThat(processes).hasSize(2);
    assertThat(printed.toString(StandardCharsets.UTF_8))
        .contains("reciprocal 1 was told to leave and ended with exit code 137");
  }

  @Test
  void shouldSayNothingOfAJvmThatWasToldToLeaveBeforeItBegan() {
    instances.resize(3);
    processes.get(2).becomeReady();
    instances.resize(0);
    processes.get(0).end(143);
    processes.get(1).end(1);
    instances.doWork(System.nanoTime());
    assertThat(printed.toString(StandardCharsets.UTF_8)).isEmpty();

    processes.get(2).end(1);
    instances.doWork(System.nanoTime());
    assertThat(printed.toString(StandardCharsets.UTF_8))
        .contains("reciprocal 2 was told to leave and ended with exit code 1");
  }

  @Test
  void shouldHaveThoseJoinThatComeWhileAnotherIsAtWork() {
    instances.resize(2);
    processes.getFirst().becomeReady();
    instances.resize(3);
    processes.get(2).becomeReady();
    processes.get(1).end(137);
    workLater(instances);
    for (FakeProcess process : processes) {
      if (process.isAlive()) {
        process.end(137);
      }
    }
    workLater(instances);
    assertThat(processes)
        .extracting(process -> process.isJoining)
        .containsExactly(false, false, true, true, false, false, false);
  }

  @Test
  void shouldHaveNoReaderWaitForCpusThatTakesOver() {
    StageInstances readers = readers(2);
    processes.forEach(FakeProcess::becomeReady);
    processes.getLast().take();
    processes.getLast().end(137);
    workLater(readers);
    assertThat(processes.getLast().isJoining).isFalse();
  }

  @Test
  void shouldReplaceWhatDies() {
    instances.resize(1);
    processes.getFirst().end(137);
    instances.doWork(System.nanoTime());
    assertThat(instances.wanted()).isEqualTo(1);
    assertThat(running()).isZero();
    instances.doWork(System.nanoTime() + LATER_NANOS);
    assertThat(processes).hasSize(2);
    assertThat(running()).isEqualTo(1);
  }

  @Test
  void shouldRatherNotReplaceADeadInstanceThanTellALivingOneToLeave() {
    instances.resize(2);
    processes.getFirst().end(137);
    instances.doWork(System.nanoTime());
    instances.resize(1);
    instances.doWork(System.nanoTime() + LATER_NANOS);
    assertThat(processes).hasSize(2);
    assertThat(processes.getLast().terminations).isZero();
  }

  /** It was told to stop by another, who perhaps is ending the whole run. */
  @Test
  void shouldWaitAWhileBeforeItReplacesWhatEndedInOrder() {
    instances.resize(1);
    processes.getFirst().endInOrder(ExitCode.OK);
    long endNanos = System.nanoTime();
    instances.doWork(endNanos);
    instances.doWork(endNanos + Restarts.ORDERLY_END_NANOS - 1);
    assertThat(processes).hasSize(1);
    assertThat(printed()).isEmpty();

    instances.doWork(endNanos + Restarts.ORDERLY_END_NANOS);
    assertThat(processes).hasSize(2);
    assertThat(printed()).contains("ended in order");
  }

  /** The last of them is that of one that was told to stop by someone else. */
  @ParameterizedTest
  @ValueSource(ints = {ExitCode.OK, ExitCode.LOST, ExitCode.STOPPED})
  void shouldNotReplaceAReaderThatSaysThatItIsFinished(int code) {
    StageInstances readers = readers(2);
    processes.getFirst().endInOrder(code);
    readers.doWork(System.nanoTime());
    readers.doWork(System.nanoTime() + LATER_NANOS);
    assertThat(processes).hasSize(2);
    assertThat(readers.isEmpty()).isFalse();
    processes.getLast().endInOrder(code);
    readers.doWork(System.nanoTime());
    assertThat(readers.isEmpty()).isTrue();
    assertThat(readers.exitCode()).isEqualTo(ExitCode.OK);
  }

  @ParameterizedTest
  @ValueSource(ints = {ExitCode.OK, ExitCode.LOST, ExitCode.STOPPED})
  void shouldReplaceAReaderThatHasNotSaidThatItIsFinished(int code) {
    StageInstances readers = readers(1);
    processes.getFirst().becomeReady();
    processes.getFirst().end(code);
    readers.doWork(System.nanoTime());
    readers.doWork(System.nanoTime() + LATER_NANOS);
    assertThat(processes).hasSize(2);
  }

  /** The kernel may have killed it a moment after it said that it is finished. */
  @Test
  void shouldNotReplaceAReaderThatWasKilledAfterItsLastAct() {
    StageInstances readers = readers(1);
    processes.getFirst().endInOrder(137);
    readers.doWork(System.nanoTime());
    assertThat(readers.isEmpty()).isTrue();
    assertThat(readers.exitCode()).isEqualTo(ExitCode.OK);
  }

  @Test
  void shouldHaveAnotherReaderDeliverWhatALeavingOneHadInFlightWhenItWasKilled() {
    StageInstances readers = readers(1);
    processes.getFirst().take();
    processes.getFirst().begin();
    readers.resize(0);
    assertThat(processes.getFirst().terminations).isEqualTo(1);
    processes.getFirst().end(137);
    workLater(readers);
    assertThat(processes).hasSize(2);
    assertThat(printed()).contains("reader 0 was told to leave and died with exit code 137");

    // It would die of the signal before it could take over.
    FakeProcess second = processes.getLast();
    readers.doWork(System.nanoTime());
    assertThat(second.terminations).isZero();
    second.end(137);
    workLater(readers);
    FakeProcess third = processes.getLast();
    third.take();
    third.begin();
    readers.doWork(System.nanoTime());
    readers.doWork(System.nanoTime());
    assertThat(third.terminations).isEqualTo(1);
    assertThat(readers.isEmpty()).isFalse();
    third.endInOrder(ExitCode.STOPPED);
    workLater(readers);
    assertThat(processes).hasSize(3);
    assertThat(readers.isEmpty()).isTrue();
    assertThat(readers.exitCode()).isEqualTo(ExitCode.OK);
  }

  /** It died before the stage was to end, and its place is empty or taken by one that begins. */
  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void shouldHaveAnotherReaderDeliverWhatOneHadInFlightThatDiedBefore(boolean isWaiting) {
    StageInstances readers = readers(1);
    processes.getFirst().take();
    processes.getFirst().begin();
    processes.getFirst().end(137);
    readers.doWork(System.nanoTime());
    if (!isWaiting) {
      workLater(readers);
    }
    readers.resize(0);
    workLater(readers);
    assertThat(processes).hasSize(2);
    assertThat(processes.getLast().terminations).isZero();
    assertThat(readers.isEmpty()).isFalse();

    processes.getLast().begin();
    readers.doWork(System.nanoTime());
    assertThat(processes.getLast().terminations).isEqualTo(1);
    processes.getLast().endInOrder(ExitCode.STOPPED);
    readers.doWork(System.nanoTime());
    assertThat(readers.isEmpty()).isTrue();
  }

  /** It has nothing in flight: it has just started, or reads from Kafka, or says that it ended. */
  @Test
  void shouldNotStartAnotherForALeavingReaderThatLeavesNothing() {
    StageInstances readers = readers(3);
    processes.get(1).begin();
    processes.get(2).take();
    readers.resize(0);
    processes.get(0).end(143);
    processes.get(1).end(137);
    processes.get(2).endInOrder(137);
    workLater(readers);
    assertThat(processes).hasSize(3);
    assertThat(readers.isEmpty()).isTrue();
  }

  @Test
  void shouldNotStartAnotherReaderOnceAllIsToEndAtOnce() {
    StageInstances readers = readers(1);
    processes.getFirst().take();
    readers.resize(0);
    processes.getFirst().end(137);
    readers.doWork(System.nanoTime());
    readers.forget();
    workLater(readers);
    assertThat(processes).hasSize(1);
    assertThat(readers.isEmpty()).isTrue();
  }

  /** A tool that was to start it ended instead, and says that all is well. */
  @Test
  void shouldGiveUpWhatEndsWithZeroBeforeItHasBegun() {
    instances.resize(1);
    endAndReplace(instances, ExitCode.OK, 4);
    assertThat(instances.exitCode()).isEqualTo(ExitCode.START);
  }

  @Test
  void shouldGiveUpWhatEndsByItselfAgainAndAgainAndHasNeverBegun() {
    instances.resize(1);
    endAndReplace(instances, 1, 4);
    assertThat(processes).hasSize(4);
    assertThat(instances.isEmpty()).isTrue();
    assertThat(instances.exitCode()).isEqualTo(ExitCode.START);
    assertThat(printed())
        .hasLineCount(1)
        .contains("reciprocal cannot be started, tried 4 times: ended with exit code 1; ");
  }

  @Test
  void shouldNotGiveUpWhatIsKilledBeforeItHasBegun() {
    instances.resize(1);
    endAndReplace(instances, 137, 20);
    assertThat(processes).hasSize(21);
    assertThat(printed()).hasLineCount(20);
  }

  @Test
  void shouldNotGiveUpAStageOfWhichAnyHasBegun() {
    instances.resize(1);
    processes.getFirst().begin();
    endAndReplace(instances, 1, 20);
    assertThat(processes).hasSize(21);
    assertThat(instances.exitCode()).isEqualTo(ExitCode.OK);
  }

  @Test
  void shouldTryAgainWhenThisMachineHasNoProcess() {
    instances.resize(1);
    processes.getFirst().begin();
    instances.doWork(System.nanoTime());
    processes.getFirst().end(137);
    instances.doWork(System.nanoTime());
    hasRoom = false;
    for (int i = 1; i < 20; i++) {
      instances.doWork(System.nanoTime() + i * LATER_NANOS);
    }
    assertThat(instances.wanted()).isEqualTo(1);
    assertThat(printed()).contains("no process for a reciprocal now: no room");
    hasRoom = true;
    instances.doWork(System.nanoTime() + 20 * LATER_NANOS);
    assertThat(running()).isEqualTo(1);
  }

  @Test
  void shouldGrowOnceThisMachineHasAProcessAgain() {
    instances.resize(1);
    hasRoom = false;
    instances.resize(3);
    assertThat(instances.wanted()).isEqualTo(3);
    assertThat(running()).isEqualTo(1);
    instances.resize(2);
    hasRoom = true;
    instances.doWork(System.nanoTime() + LATER_NANOS);
    assertThat(running()).isEqualTo(2);
    assertThat(processes).allSatisfy(process -> assertThat(process.terminations).isZero());
  }

  @Test
  void shouldGiveUpIfThisMachineHasNoProcessFromTheStart() {
    hasRoom = false;
    instances.resize(1);
    for (int i = 1; i <= 3; i++) {
      assertThat(instances.isEmpty()).isFalse();
      instances.doWork(System.nanoTime() + i * LATER_NANOS);
    }
    assertThat(instances.isEmpty()).isTrue();
    assertThat(instances.exitCode()).isEqualTo(ExitCode.START);
    assertThat(printed())
        .hasLineCount(1)
        .contains("reciprocal cannot be started, tried 4 times: no room; ");
  }

  @Test
  void shouldKeepTheExitCodeThatAnotherTryWouldNotChange() {
    instances.resize(1);
    processes.getFirst().end(ExitCode.USAGE);
    instances.doWork(System.nanoTime());
    instances.doWork(System.nanoTime() + LATER_NANOS);
    assertThat(processes).hasSize(1);
    assertThat(instances.isEmpty()).isTrue();
    assertThat(instances.exitCode()).isEqualTo(ExitCode.USAGE);
  }

  @Test
  void shouldGoOnWithoutAnAdditionalInstanceThatIsRefused() {
    StageInstances readers = readers(1);
    processes.getFirst().begin();
    readers.doWork(System.nanoTime());
    readers.resize(3);
    processes.get(1).end(ExitCode.USAGE);
    processes.get(2).begin();
    processes.get(2).end(ExitCode.NO_INPUT);
    readers.doWork(System.nanoTime());
    assertThat(readers.wanted()).isEqualTo(1);
    assertThat(printed.toString(StandardCharsets.UTF_8))
        .contains("reader 1 was refused with exit code 64, going on without it");
    assertThat(readers.exitCode()).as("of one that had begun").isEqualTo(ExitCode.NO_INPUT);
  }

  private StageInstances readers(int count) {
    StageInstances readers =
        new StageInstances(Stage.READER, isJoining -> start(Stage.READER, isJoining), console);
    readers.resize(count);
    return readers;
  }

  /** Notes what has ended, and starts what is to be started again. */
  private static void workLater(StageInstances instances) {
    instances.doWork(System.nanoTime());
    instances.doWork(System.nanoTime() + LATER_NANOS);
  }

  /** Ends the newest one so often, each before it has begun. */
  private void endAndReplace(StageInstances instances, int code, int times) {
    for (int i = 0; i < times; i++) {
      processes.getLast().end(code);
      instances.doWork(System.nanoTime());
      instances.doWork(System.nanoTime() + LATER_NANOS);
    }
  }

  private String printed() {
    return printed.toString(StandardCharsets.UTF_8);
  }

  private long running() {
    return processes.stream().filter(Process::isAlive).count();
  }

  private Instance start(Stage stage, boolean isJoining) throws IOException {
    if (!hasRoom) {
      throw new IOException("no room");
    }
    FakeProcess process = new FakeProcess(stage, processes.size(), isJoining);
    processes.add(process);
    return new Instance(process.name(), process, figures, false);
  }

  /** Ends when the test says so. */
  private final class FakeProcess extends Process {
    private final Stage stage;
    private final long pid;
    private final boolean isJoining;
    private StageStats stats;
    private boolean isAlive = true;
    private int exitValue;
    private int terminations;

    FakeProcess(Stage stage, long pid, boolean isJoining) {
      this.stage = stage;
      this.pid = pid;
      this.isJoining = isJoining;
    }

    void becomeReady() {
      stats().counter(Figure.READY).setRelease(1);
    }

    /** Tells where its metrics are. */
    void begin() {
      stats().counter(Figure.METRICS_PORT).setRelease(9400);
    }

    /** Has frames of its own, as a reader. */
    void take() {
      stats().counter(Figure.READER).setRelease(1);
    }

    void endInOrder(int code) {
      stats().counter(Figure.ENDED).setRelease(1);
      end(code);
    }

    private String name() {
      return stage.label() + "-" + pid;
    }

    private StageStats stats() {
      try {
        if (stats == null) {
          stats = figures.create(stage, name());
        }
        return stats;
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }

    void end(int code) {
      exitValue = code;
      isAlive = false;
    }

    @Override
    public long pid() {
      return pid;
    }

    @Override
    public boolean isAlive() {
      return isAlive;
    }

    @Override
    public int exitValue() {
      return exitValue;
    }

    @Override
    public void destroy() {
      terminations++;
    }

    @Override
    public int waitFor() {
      throw new UnsupportedOperationException();
    }

    @Override
    public InputStream getInputStream() {
      throw new UnsupportedOperationException();
    }

    @Override
    public InputStream getErrorStream() {
      throw new UnsupportedOperationException();
    }

    @Override
    public OutputStream getOutputStream() {
      throw new UnsupportedOperationException();
    }
  }
}
