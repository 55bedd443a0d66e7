package io.framepipeline.systemtests;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.framepipeline.common.topology.Stage;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Optional;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Stream;
import org.agrona.IoUtil;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Cells that share a topic, at random: whole cells are killed, single services, too, cells are cut
 * off for longer than their session lasts, added and removed, and brokers are restarted, one at a
 * time, for {@code cells.seconds}, while frames come in. The seed, {@code cells.seed}, decides what
 * happens and when; a failure prints it with a log of what happened.
 */
@Timeout(value = 2, unit = TimeUnit.HOURS)
class CellsIT {
  private static final long SECONDS = Long.getLong("cells.seconds", 60);
  private static final long SEED = Long.getLong("cells.seed", System.nanoTime());

  /** Frames a second on average. What comes in while cells are away is then read at full speed. */
  private static final int RATE = Integer.getInteger("cells.rate", 1500);

  private static final int SOURCE_PARTITIONS = 12;
  private static final int REJECTED_PARTITIONS = 2;
  private static final int CELLS = 3;
  private static final int MIN_CELLS = 2;
  private static final int MAX_CELLS = 4;
  private static final int SESSION_MILLIS = 6000;
  private static final int MIN_PAUSE_MILLIS = 500;
  private static final int MAX_PAUSE_MILLIS = 5000;
  private static final int MAX_BROKER_PAUSE_MILLIS = 8000;

  /** Of what each cell printed. */
  private static final int MAX_SHOWN_LINES = 15;

  private final Random random = new Random(SEED);
  private final NavigableMap<Long, String> events = new TreeMap<>();
  private final List<CompletableFuture<Void>> pending = new ArrayList<>();
  private final Map<String, Integer> counts = new TreeMap<>();

  /** Cells that are to work, some of which may be stopped at the moment. */
  private final List<PipelineProcess> cells = new ArrayList<>();

  /** Cells that were told to end. */
  private final List<PipelineProcess> ending = new ArrayList<>();

  @TempDir private Path directory;

  @AfterEach
  void closeCells() {
    pending.forEach(CompletableFuture::join);
    cells.forEach(PipelineProcess::close);
    ending.forEach(PipelineProcess::close);
  }

  /** With as many partitions of the results as of the source, and with fewer. */
  @ParameterizedTest
  @ValueSource(ints = {SOURCE_PARTITIONS, 5})
  void shouldWriteEachNormOnceAndInOrderWhateverHappens(int resultsPartitions) throws Exception {
    long neededBytes = SECONDS * RATE * Reference.FRAME_LENGTH * KafkaCluster.BROKERS * 3 / 2;
    Surroundings.assume(
        Files.getFileStore(directory).getUsableSpace() > neededBytes,
        "cells on Kafka",
        "the disk has no room for " + neededBytes + " bytes");
    try (KafkaCluster kafka = KafkaCluster.start(directory)) {
      kafka.createTopic("frames", SOURCE_PARTITIONS, Map.of());
      kafka.createTopic("frames-rejected", REJECTED_PARTITIONS, Map.of());
      kafka.createTopic(
          "norms", resultsPartitions, Map.of("message.timestamp.type", "LogAppendTime"));
      try (KafkaFeed feed =
          new KafkaFeed(kafka.clientProperties(), "frames", SOURCE_PARTITIONS, RATE, SEED)) {
        disturb(kafka, feed);
        feed.end();
        try (KafkaResults results =
            new KafkaResults(kafka.clientProperties(), feed, "frames", "norms")) {
          results.readAll(PipelineProcess.LIMIT);
          note("all that was to come is there", List.of());
          for (PipelineProcess cell : List.copyOf(cells)) {
            await().atMost(PipelineProcess.LIMIT).until(() -> hasBegun(cell));
            remove(cell);
          }
          for (PipelineProcess cell : ending) {
            int exitCode = cell.awaitExit();
            assertThat(exitCode).as("exit code of %s: %s", cell, cell.err()).isZero();
          }
          results.readToEnd();
          KafkaResults.Pause pause = results.longestPause();
          System.out.printf(
              Locale.ROOT,
              "cells: seed %d, %s; %d rebalances, %d frames into %d partitions, %d rejected records,"
                  + " %d refused transactions, %d duplicates, %d missing, longest pause %.1f s after '%s'%n",
              SEED,
              counts,
              kafka.rebalances(),
              feed.frames(),
              resultsPartitions,
              feed.badRecords(),
              feed.refusedTransactions(),
              results.faults("duplicate"),
              results.missing(),
              pause.millis() / 1e3,
              eventBefore(pause.startMillis()));
          results.assertComplete();
        }
      }
    } catch (AssertionError | RuntimeException e) {
      // Summaries show the message alone, and cut what is long.
      StringBuilder said = new StringBuilder();
      for (PipelineProcess cell : Stream.concat(ending.stream(), cells.stream()).toList()) {
        said.append(cell).append('\n');
        said.append(Lines.last(MAX_SHOWN_LINES, cell.err().lines())).append('\n');
      }
      throw new AssertionError("%s%nseed %s%n%s%n%s".formatted(e, SEED, log(), said), e);
    }
  }

  /** Lets things happen to the cells and the broker for a while, and lets them recover. */
  private void disturb(KafkaCluster kafka, KafkaFeed feed) {
    for (int i = 0; i < CELLS; i++) {
      startCell(kafka);
    }
    for (PipelineProcess cell : cells) {
      cell.stats(Stage.READER);
    }
    long beginNanos = System.nanoTime();
    while (System.nanoTime() - beginNanos < TimeUnit.SECONDS.toNanos(SECONDS)) {
      LockSupport.parkNanos(
          TimeUnit.MILLISECONDS.toNanos(random.nextInt(MIN_PAUSE_MILLIS, MAX_PAUSE_MILLIS)));
      doSomething(kafka);
      feed.check();
    }
    pending.forEach(CompletableFuture::join);
  }

  private void doSomething(KafkaCluster kafka) {
    int dice = random.nextInt(20);
    int choice = random.nextInt(Integer.MAX_VALUE);
    PipelineProcess cell = cells.get(choice % cells.size());
    if (dice < 5) {
      kill(cell);
      startCell(kafka);
    } else if (dice < 8) {
      killService(cell, choice);
    } else if (dice < 11) {
      cutOff(cell, SESSION_MILLIS + random.nextInt(SESSION_MILLIS));
    } else if (dice < 13) {
      restart(kafka, kafka.broker(choice), "TERM");
    } else if (dice < 15) {
      restart(kafka, kafka.broker(choice), "KILL");
    } else if (dice < 18 && cells.size() < MAX_CELLS) {
      startCell(kafka);
      count("added");
    } else if (cells.size() > MIN_CELLS && hasBegun(cell)) {
      count("removed");
      remove(cell);
    }
  }

  private void startCell(KafkaCluster kafka) {
    Map<String, String> environment = kafka.environment();
    environment.put("KAFKA_SESSION_TIMEOUT_MS", Integer.toString(SESSION_MILLIS));
    PipelineProcess cell =
        PipelineProcess.run(
            directory, environment, "--source=kafka:frames", "--results=kafka:norms");
    note("start cell", List.of(cell.process().toHandle()));
    cells.add(cell);
  }

  /** As if its machine had lost power. */
  private void kill(PipelineProcess cell) {
    List<ProcessHandle> tree = cell.tree();
    note("kill cell", tree);
    count("killed");
    PipelineProcess.signal(tree, "KILL");
    await()
        .atMost(PipelineProcess.LIMIT)
        .until(() -> tree.stream().noneMatch(ProcessHandle::isAlive));
    cells.remove(cell);
    // No process of it is left to do so.
    IoUtil.delete(cell.runDirectory().toFile(), true);
  }

  /** One of the driver and the services, of which the command then starts another one. */
  private void killService(PipelineProcess cell, int choice) {
    List<ProcessHandle> services =
        cell.process().descendants().filter(process -> mainClass(process).isPresent()).toList();
    List<ProcessHandle> victim =
        services.isEmpty() ? List.of() : List.of(services.get(choice % services.size()));
    victim.forEach(service -> note("kill " + mainClass(service).orElseThrow(), victim));
    count("services killed");
    if (!victim.isEmpty()) {
      PipelineProcess.signal(victim, "KILL");
    }
  }

  private static Optional<String> mainClass(ProcessHandle service) {
    return Stream.of(service.info().arguments().orElse(new String[0]))
        .filter(argument -> argument.startsWith("io.framepipeline."))
        .map(name -> name.substring(name.lastIndexOf('.') + 1))
        .findFirst();
  }

  /** As if its machine had lost its network, and everything else, for a while. */
  private void cutOff(PipelineProcess cell, int millis) {
    List<ProcessHandle> tree = cell.tree();
    note("cut off for " + millis + " ms cell", tree);
    count("cut off");
    PipelineProcess.signal(tree, "STOP");
    pending.add(
        CompletableFuture.runAsync(
            () -> goOn(tree), CompletableFuture.delayedExecutor(millis, TimeUnit.MILLISECONDS)));
  }

  private static void goOn(List<ProcessHandle> tree) {
    List<ProcessHandle> alive = tree.stream().filter(ProcessHandle::isAlive).toList();
    if (!alive.isEmpty()) {
      PipelineProcess.signal(alive, "CONT");
    }
  }

  /** A command that is told to stop before that ends by the signal: 143. */
  private static boolean hasBegun(PipelineProcess cell) {
    return Files.exists(cell.runDirectory());
  }

  private void remove(PipelineProcess cell) {
    note("remove cell", List.of(cell.process().toHandle()));
    cell.signal("TERM");
    cells.remove(cell);
    ending.add(cell);
  }

  /** Has one broker end, and start again after a while. */
  private void restart(KafkaCluster kafka, KafkaBroker broker, String signal) {
    int millis = random.nextInt(MAX_BROKER_PAUSE_MILLIS);
    // With two of three brokers away there would be no Kafka.
    kafka.awaitReplicas();
    note("restart %s after SIG%s and %s ms".formatted(broker, signal, millis), List.of());
    count("broker SIG" + signal);
    broker.end(signal);
    LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(millis));
    broker.start();
    note("broker is back", List.of());
  }

  private void count(String what) {
    counts.merge(what, 1, Integer::sum);
  }

  private void note(String event, List<ProcessHandle> processes) {
    long millis = System.currentTimeMillis();
    events.merge(
        millis,
        "%s %s".formatted(event, processes.stream().map(ProcessHandle::pid).toList()),
        (one, other) -> one + ", " + other);
  }

  /** What happened last before a moment. */
  private String eventBefore(long millis) {
    Map.Entry<Long, String> event = events.floorEntry(millis);
    return event == null ? "nothing" : event.getValue();
  }

  private String log() {
    StringBuilder log = new StringBuilder();
    events.forEach(
        (millis, event) ->
            log.append(
                String.format(
                    Locale.ROOT, "%9.3f s  %s%n", (millis - events.firstKey()) / 1e3, event)));
    return log.toString();
  }
}
