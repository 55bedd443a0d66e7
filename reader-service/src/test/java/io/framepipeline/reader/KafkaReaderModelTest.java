package io.framepipeline.reader;

import io.framepipeline.common.metrics.Figure;
import io.framepipeline.common.metrics.StageStats;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalLong;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * Two readers share a topic, whatever happens: norms come in any order, partitions move, members
 * are expelled or die, and commits fail or have no answer. {@link SimulatedKafka} checks each
 * commit. A failure shows the seed and what led to it.
 */
@Timeout(300)
class KafkaReaderModelTest {
  private static final int SEEDS = 1_000;
  private static final int STEPS = 600;
  private static final int MAX_STEPS_TO_END = 2_000;
  private static final int READERS = 2;
  private static final long MAX_PAUSE_NANOS = TimeUnit.MILLISECONDS.toNanos(150);

  @Test
  void shouldCommitEachFrameOnceWhateverHappensInWhateverOrder() {
    for (int seed = 0; seed < SEEDS; seed++) {
      Run run = new Run(seed);
      try {
        run.run();
      } catch (AssertionError | RuntimeException e) {
        throw new AssertionError(
            "seed %s: %s%n%s%n%s"
                .formatted(
                    seed, e.getMessage(), String.join(System.lineSeparator(), run.log), run.kafka),
            e);
      }
    }
  }

  private static final class Run {
    final List<String> log = new ArrayList<>();
    final Random random;
    final int failures;
    final SimulatedKafka kafka;
    final StageStats stats = StageStats.inMemory();
    final List<KafkaCell> cells = new ArrayList<>();
    int started;
    long acknowledged;
    boolean hasAnyDied;
    long nowNanos = System.nanoTime();

    Run(int seed) {
      random = new Random(seed);
      failures = List.of(0, 5, 30).get(random.nextInt(3));
      kafka = new SimulatedKafka(random, log, failures);
      kafka.fill();
      while (cells.size() < READERS) {
        cells.add(start());
      }
    }

    private KafkaCell start() {
      return new KafkaCell(kafka, started++, OptionalLong.empty(), stats);
    }

    void run() {
      for (int i = 0; i < STEPS; i++) {
        happen();
        cells.forEach(KafkaCell::checkLedger);
      }
      kafka.calm();
      settle();
      check();
    }

    private void happen() {
      int index = random.nextInt(READERS);
      KafkaCell cell = cells.get(index);
      switch (random.nextInt(40)) {
        case 0, 1, 2 -> kafka.assign(random.nextInt(SimulatedKafka.PARTITIONS), cell.member);
        case 3 -> kafka.revoke(random.nextInt(SimulatedKafka.PARTITIONS));
        case 4 -> seldom(3, () -> kafka.expel(cell.member));
        case 5 -> seldom(10, () -> die(index));
        case 6 -> seldom(10, () -> leave(index));
        case 7 -> seldom(3, kafka::endUndecided);
        case 8 -> cutOff(cell, random.nextInt(4) == 0);
        case 9, 10, 11, 12, 13, 14, 15 -> cell.send();
        case 16, 17, 18, 19, 20 -> cell.answer(random.nextInt(KafkaCell.WINDOW_FRAMES));
        default -> step(cell);
      }
    }

    private void seldom(int times, Runnable event) {
      if (random.nextInt(times) == 0) {
        event.run();
      }
    }

    private void die(int index) {
      log.add(cells.get(index).member + " dies");
      kafka.remove(cells.get(index).member);
      hasAnyDied = true;
      replace(index);
    }

    private void leave(int index) {
      KafkaCell cell = cells.get(index);
      cell.reader.stop();
      cell.member.leave();
      cell.checkLedger();
      replace(index);
    }

    private void cutOff(KafkaCell cell, boolean isCutOff) {
      if (failures > 0) {
        kafka.cutOff(cell.member, isCutOff);
      }
    }

    private void replace(int index) {
      acknowledged += cells.get(index).frames.acknowledged();
      cells.set(index, start());
    }

    private void step(KafkaCell cell) {
      nowNanos += random.nextLong(MAX_PAUSE_NANOS);
      cell.reader.step(nowNanos);
    }

    /** Lets the readers that are left come to the end of the topic. */
    private void settle() {
      for (int i = 0; !isSettled(); i++) {
        if (i == MAX_STEPS_TO_END) {
          throw new AssertionError("no end");
        }
        kafka.endUndecided();
        for (int partition = 0; partition < SimulatedKafka.PARTITIONS; partition++) {
          kafka.assign(partition, cells.get(random.nextInt(READERS)).member);
        }
        for (KafkaCell cell : cells) {
          step(cell);
          cell.send();
          cell.answer(random.nextInt(KafkaCell.WINDOW_FRAMES));
          cell.checkLedger();
        }
      }
    }

    private boolean isSettled() {
      return kafka.isAllCommitted() && cells.stream().allMatch(cell -> cell.frames.inFlight() == 0);
    }

    private void check() {
      long sum = acknowledged + cells.stream().mapToLong(cell -> cell.frames.acknowledged()).sum();
      long rejected = stats.counter(Figure.RECORDS_REJECTED).get();
      boolean isExact = !hasAnyDied && !kafka.wasInDoubt();
      // What is committed without the reader's knowledge is returned, or dies with it.
      if (sum > kafka.count(false) || (isExact && sum < kafka.count(false))) {
        throw new AssertionError("%s acknowledged of %s frames".formatted(sum, kafka.count(false)));
      }
      if (rejected > kafka.count(true) || (isExact && rejected < kafka.count(true))) {
        throw new AssertionError(
            "%s counted of %s rejected records".formatted(rejected, kafka.count(true)));
      }
    }
  }
}
