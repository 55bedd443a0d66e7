package io.framepipeline.common.metrics;

import io.framepipeline.common.linux.OwnFiles;
import io.framepipeline.common.topology.Stage;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.EnumMap;
import java.util.Map;

/**
 * The sums of each stage's ended instances, in a {@link FiguresDirectory}. A sum is replaced by
 * renaming a new one, which names the file that was added last. So if a process is killed between
 * renaming and deleting, that file counts no more, and the next process that adds deletes it.
 */
final class FigureSums {
  private static final String SUM = ".sum";

  private final Path directory;

  FigureSums(Path directory) {
    this.directory = directory;
  }

  /** Copies of the sums, for stages that have one. */
  Map<Stage, StageStats> read() throws IOException {
    Map<Stage, StageStats> sums = new EnumMap<>(Stage.class);
    for (Stage stage : Stage.ALL) {
      StageStats sum = sum(stage);
      if (sum != null) {
        sums.put(stage, sum);
      }
    }
    return sums;
  }

  /** The file that each sum contains last. */
  static Map<Stage, String> lastAdded(Map<Stage, StageStats> sums) {
    Map<Stage, String> names = new EnumMap<>(Stage.class);
    sums.forEach((stage, sum) -> names.put(stage, sum.lastAdded()));
    return names;
  }

  /** Adds an ended instance to its stage's sum, and deletes its file. */
  void add(InstanceFigures ended) throws IOException {
    Stage stage = ended.stage();
    ByteBuffer memory = ByteBuffer.allocateDirect(StageStats.LENGTH);
    StageStats sum = StageStats.create(memory, stage);
    StageStats before = sum(stage);
    if (before != null) {
      sum.add("", before, before.ledger.read());
      Files.deleteIfExists(directory.resolve(before.lastAdded() + FiguresDirectory.INSTANCE));
    }
    sum.add(ended.name(), ended.stats(), ended.ledger());
    Path unfinished = directory.resolve(stage.label() + SUM + FiguresDirectory.UNFINISHED);
    Files.deleteIfExists(unfinished);
    try (FileChannel file = OwnFiles.open(unfinished, StandardOpenOption.CREATE_NEW)) {
      write(memory.clear(), file);
    }
    Files.move(unfinished, directory.resolve(stage.label() + SUM), StandardCopyOption.ATOMIC_MOVE);
    Files.delete(directory.resolve(ended.name() + FiguresDirectory.INSTANCE));
  }

  /** A copy of the stage's sum; null if there is none. */
  private StageStats sum(Stage stage) throws IOException {
    try {
      Path file = directory.resolve(stage.label() + SUM);
      return StageStats.of(ByteBuffer.wrap(Files.readAllBytes(file)));
    } catch (NoSuchFileException e) {
      return null;
    }
  }

  private static void write(ByteBuffer bytes, FileChannel file) throws IOException {
    while (bytes.hasRemaining()) {
      file.write(bytes);
    }
  }
}
