package io.framepipeline.console;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.tuple;

import io.framepipeline.common.metrics.Figure;
import io.framepipeline.common.metrics.FiguresDirectory;
import io.framepipeline.common.metrics.StageStats;
import io.framepipeline.common.topology.Stage;
import io.framepipeline.console.PipelineState.Event;
import io.framepipeline.console.PipelineState.InstanceState;
import io.framepipeline.console.PipelineState.OrphanState;
import io.framepipeline.console.PipelineState.SourceState;
import io.framepipeline.console.PipelineState.StageState;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class MonitorTest {
  @TempDir private Path directory;

  private FiguresDirectory figures;
  private Monitor monitor;

  @BeforeEach
  void open() {
    figures = new FiguresDirectory(directory.resolve("aeron"));
    monitor = new Monitor(directory.resolve("aeron"));
  }

  @Test
  void shouldShowEveryStageBeforeThereIsAnything() {
    monitor.look();
    PipelineState state = monitor.state();
    assertThat(state.stages())
        .extracting(StageState::stage)
        .containsExactlyElementsOf(Stage.ALL.stream().map(Stage::label).toList())
        .containsSubsequence("reader", "reciprocal", "norm");
    assertThat(state.driver().alive()).isFalse();
    assertThat(state.point().epochMillis()).isZero();
    assertThat(state.events()).isEmpty();
    assertThat(PipelineText.of(state)).startsWith("media driver: none in ").contains("read 0 =");
  }

  @Test
  void shouldFollowAnInstanceFromItsStartToItsEnd() throws IOException {
    monitor.look();
    StageStats norm = figures.create(Stage.NORM, "norm-1");
    assertThat(stateOf("norm-1")).isEqualTo("starting");
    norm.counter(Figure.READY).set(1);
    assertThat(stateOf("norm-1")).isEqualTo("running");
    norm.counter(Figure.STOPPING).set(1);
    assertThat(stateOf("norm-1")).isEqualTo("leaving");
    norm.counter(Figure.ENDED).set(1);
    Files.delete(FiguresDirectory.path(directory.resolve("aeron")).resolve("norm-1.figures"));
    assertThat(stateOf("norm-1")).isEqualTo("ended");
    assertThat(monitor.state().events())
        .extracting(Event::kind, Event::text)
        .containsExactly(tuple("start", "norm-1 is at work"), tuple("end", "norm-1 ended"));
  }

  @Test
  void shouldShowADeathAlsoIfItsFileIsAddedToTheSumAtOnce() throws IOException {
    monitor.look();
    figures.create(Stage.RECIPROCAL, "reciprocal-1").counter(Figure.READY).set(1);
    monitor.look();
    Files.delete(FiguresDirectory.path(directory.resolve("aeron")).resolve("reciprocal-1.figures"));
    assertThat(stateOf("reciprocal-1")).isEqualTo("dead");
    assertThat(monitor.state().events()).extracting(Event::kind).containsExactly("start", "death");
  }

  @Test
  void shouldSortInstancesByNumber() throws IOException {
    for (int number : List.of(10, 9, 1)) {
      figures.create(Stage.NORM, "norm-" + number);
    }
    monitor.look();
    assertThat(monitor.state().stages().getLast().instances())
        .extracting(InstanceState::name)
        .containsExactly("norm-1", "norm-9", "norm-10");
  }

  @Test
  void shouldShareTheTimeOfADutyCycle() throws IOException {
    StageStats norm = figures.create(Stage.NORM, "norm-1");
    monitor.look();
    norm.counter(Figure.BUSY_NANOS).set(300);
    norm.counter(Figure.IDLE_NANOS).set(600);
    norm.counter(Figure.HELD_BACK_NANOS).set(100);
    norm.counter(Figure.INBOX_FRAMES).set(7);
    norm.counter(Figure.FRAMES_NORMED).set(5);
    norm.counter(Figure.RESTARTS).set(2);
    monitor.look();
    InstanceState state = monitor.state().stages().getLast().instances().getFirst();
    assertThat(state.busy()).isEqualTo(0.3);
    assertThat(state.idle()).isEqualTo(0.6);
    assertThat(state.heldBack()).isEqualTo(0.1);
    assertThat(state.waitingFrames()).isEqualTo(7);
    assertThat(state.framesPerSecond()).isPositive();
    assertThat(PipelineText.of(monitor.state()))
        .contains("norm-1", "held back  10 %", "restarts 2");
  }

  @Test
  void shouldShowTheLedgerOfAllReaders() throws IOException {
    startReader("reader-1", 1).ledger.write(10, 6, 3, 1, 0, 5);
    startReader("reader-2", 2).ledger.write(20, 10, 6, 0, 0, 0);
    monitor.look();
    PipelineState.LedgerState ledger = monitor.state().ledger();
    assertThat(ledger.framesRead()).isEqualTo(30);
    assertThat(ledger.framesInFlight()).isEqualTo(9);
    assertThat(ledger.framesLost()).isEqualTo(4);
  }

  @Test
  void shouldShowADeadReaderUntilAnotherTakesOver() throws IOException {
    startReader("reader-1", 1).ledger.write(5000, 3976, 1024, 0, 0, 0);
    Path file = FiguresDirectory.path(directory.resolve("aeron")).resolve("reader-1.figures");
    monitor.look();
    assertThat(monitor.state().orphans()).isEmpty();
    // No process has locked the new file.
    byte[] content = Files.readAllBytes(file);
    Files.delete(file);
    Files.write(file, content);
    monitor.look();
    assertThat(monitor.state().orphans()).containsExactly(new OrphanState(0, 1024));
    assertThat(PipelineText.of(monitor.state()))
        .contains("reader 0 died with 1,024 frames in flight; a reader with the same settings");
    assertThat(monitor.state().ledger().framesLost()).isEqualTo(1024);

    StageStats successor = figures.create(Stage.READER, "reader-2");
    successor.ledger.write(5000, 3976, 1024, 0, 0, 0);
    successor.counter(Figure.GENERATION).set(1);
    successor.counter(Figure.READER).set(1);
    monitor.look();
    assertThat(monitor.state().orphans()).isEmpty();
    assertThat(monitor.state().ledger().framesLost()).isZero();
  }

  @Test
  void shouldNotTakeADeadReadersFramesForARate() throws IOException {
    StageStats reader = figures.create(Stage.READER, "reader-2");
    monitor.look();
    reader.ledger.write(1_000_000, 999_000, 1000, 0, 0, 0);
    reader.counter(Figure.GENERATION).set(1);
    reader.counter(Figure.READER).set(1);
    monitor.look();
    InstanceState state = monitor.state().stages().getFirst().instances().getFirst();
    assertThat(state.frames()).isEqualTo(1_000_000);
    assertThat(state.framesPerSecond()).isZero();
    assertThat(state.restarts()).isEqualTo(1);
  }

  @Test
  void shouldShowWhatReadersHaveOfAKafkaSource() throws IOException {
    startKafkaReader("reader-1", 5, 1200);
    startKafkaReader("reader-2", 7, 34);
    // It has yet to be given a partition.
    startKafkaReader("reader-3", 0, 0);
    monitor.look();
    StageState readers = monitor.state().stages().getFirst();
    assertThat(readers.source()).isEqualTo(new SourceState(12, 1234));
    assertThat(readers.instances())
        .extracting(InstanceState::source)
        .containsExactly(new SourceState(5, 1200), new SourceState(7, 34), new SourceState(0, 0));
    assertThat(PipelineText.of(monitor.state()))
        .containsOnlyOnce("frames/s  partitions 12  lag 1,234 records");
  }

  @Test
  void shouldShowNoPartitionsOfADeadReader() throws IOException {
    startKafkaReader("reader-1", 5, 1200);
    monitor.look();
    Files.delete(FiguresDirectory.path(directory.resolve("aeron")).resolve("reader-1.figures"));
    monitor.look();
    StageState readers = monitor.state().stages().getFirst();
    assertThat(readers.source()).isNull();
    assertThat(readers.instances()).extracting(InstanceState::source).containsOnlyNulls();
  }

  @Test
  void shouldShowNoPartitionsOfOtherSources() throws IOException {
    figures.create(Stage.READER, "reader-1").counter(Figure.READY).set(1);
    monitor.look();
    assertThat(monitor.state().stages()).extracting(StageState::source).containsOnlyNulls();
    assertThat(PipelineText.of(monitor.state())).doesNotContain("partitions", "lag");
  }

  @Test
  void shouldShowReturnedFramesOnlyIfThereAreSome() throws IOException {
    StageStats reader = startReader("reader-1", 1);
    reader.ledger.write(10, 6, 4, 0, 0, 0);
    monitor.look();
    assertThat(PipelineText.of(monitor.state())).doesNotContain("returned");
    reader.ledger.write(10, 6, 1, 0, 3, 0);
    monitor.look();
    assertThat(monitor.state().ledger().framesReturned()).isEqualTo(3);
    assertThat(monitor.state().ledger().framesLost()).isZero();
    assertThat(PipelineText.of(monitor.state())).contains("abandoned 0 + returned 3; lost 0");
  }

  @Test
  void shouldKeepTheNewestEventsOnly() {
    for (int i = 1; i <= 1000; i++) {
      monitor.note("scaling", "norm to " + i);
    }
    List<Event> events = monitor.state().events();
    assertThat(events).hasSize(200);
    assertThat(events.getLast().id()).isEqualTo(1000);
  }

  private StageStats startReader(String name, long number) throws IOException {
    StageStats reader = figures.create(Stage.READER, name);
    reader.counter(Figure.READER).set(number);
    return reader;
  }

  private void startKafkaReader(String name, long partitions, long lagRecords) throws IOException {
    StageStats reader = figures.create(Stage.READER, name);
    reader.counter(Figure.IS_REREAD).set(1);
    reader.counter(Figure.SOURCE_PARTITIONS).set(partitions);
    reader.counter(Figure.SOURCE_LAG_RECORDS).set(lagRecords);
  }

  private String stateOf(String name) {
    monitor.look();
    return monitor.state().stages().stream()
        .flatMap(stage -> stage.instances().stream())
        .filter(instance -> instance.name().equals(name))
        .map(InstanceState::state)
        .findFirst()
        .orElseThrow();
  }
}
