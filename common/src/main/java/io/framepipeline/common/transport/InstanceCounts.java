package io.framepipeline.common.transport;

import java.util.EnumMap;
import java.util.Map;

/** How many instances of each stage there are, or are to be: what they need grows with these. */
public record InstanceCounts(int readers, int reciprocals, int norms) {
  static final InstanceCounts ONE_OF_EACH = new InstanceCounts(1, 1, 1);

  /** Of a count for each stage; 1 where it is missing. */
  public static InstanceCounts of(Map<Stage, Integer> counts) {
    return new InstanceCounts(
        counts.getOrDefault(Stage.READER, 1),
        counts.getOrDefault(Stage.RECIPROCAL, 1),
        counts.getOrDefault(Stage.NORM, 1));
  }

  /** Those that a connection's driver knows, and one that joins. */
  static InstanceCounts with(Stage joining, DriverConnection connection) {
    Map<Stage, Integer> counts = new EnumMap<>(Stage.class);
    counts.put(joining, 1);
    InboxDirectory directory = new InboxDirectory(connection.aeron().countersReader());
    for (Stage stage : Stage.values()) {
      directory.forEach(stage, (counterId, id) -> counts.merge(stage, 1, Integer::sum));
    }
    return of(counts);
  }

  int readersToReciprocals() {
    return readers * reciprocals;
  }

  int reciprocalsToNorms() {
    return reciprocals * norms;
  }

  int normsToReaders() {
    return norms * readers;
  }

  @Override
  public String toString() {
    return "reader=%s reciprocal=%s norm=%s".formatted(readers, reciprocals, norms);
  }
}
