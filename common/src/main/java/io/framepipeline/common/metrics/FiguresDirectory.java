package io.framepipeline.common.metrics;

import io.framepipeline.common.linux.OwnFiles;
import io.framepipeline.common.topology.Stage;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileChannel.MapMode;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * The figures of all instances that work with one media driver, in shared memory beside its
 * directory. Each instance has a file, which is locked while the instance lives, and whose name is
 * never used again. A process that looks maps the files to read only, and asks no other process.
 *
 * <p>An instance that starts adds the figures of its stage's ended instances to the stage's sum,
 * and deletes their files.
 *
 * <p>A reader that takes over from a dead one goes on with its ledger. So of all readers with one
 * number only the newest one's ledger counts. The others' are left out of the sum, too, and they
 * are added before the newest one is, or one of them would seem to be the newest. A dead reader
 * from which none has taken over keeps its file, or its ledger would count twice later.
 *
 * <p>The locks are POSIX record locks. A process must not look at a directory in which it has
 * figures itself: closing a file would release its lock.
 */
public final class FiguresDirectory {
  static final String INSTANCE = ".figures";
  static final String UNFINISHED = ".new";
  private static final String LOCK = ".lock";

  /** Long enough for any process that is still at work on an unfinished file. */
  private static final Duration UNFINISHED_LIMIT = Duration.ofMinutes(1);

  /** Java does not let two threads of a process try the same lock. */
  private static final Object LOCKS = new Object();

  /** Those of this process's own figures: Java forgets a lock that nothing refers to. */
  private static final List<FileLock> OWN_LOCKS = new ArrayList<>();

  private final Path directory;
  private final FigureSums sums;

  /** What was mapped before: the owners write to the same memory as long as they live. */
  private final Map<String, StageStats> mapped = new HashMap<>();

  private FiguresView last = FiguresView.EMPTY;

  /** The figures of the instances that work with the driver of this directory. */
  public FiguresDirectory(Path aeronDirectory) {
    directory = path(aeronDirectory);
    sums = new FigureSums(directory);
  }

  /** Where the figures are. */
  public static Path path(Path aeronDirectory) {
    return aeronDirectory.resolveSibling(aeronDirectory.getFileName() + ".figures");
  }

  /**
   * Makes the figures of an instance of this process, after it has added those of its stage's ended
   * instances to the sum. Pages are written before they are mapped, because a mapped page that the
   * file system cannot provide kills the process.
   *
   * @throws IOException if there is no room for them
   */
  public StageStats create(Stage stage, String name) throws IOException {
    OwnFiles.makeDirectory(directory);
    long restarts = addEnded(stage);
    Path unfinished = directory.resolve(name + UNFINISHED);
    try {
      StageStats stats = createLocked(unfinished, stage);
      stats.counter(Figure.PID).set(ProcessHandle.current().pid());
      stats.counter(Figure.START_EPOCH_MILLIS).set(System.currentTimeMillis());
      stats.counter(Figure.RESTARTS).set(restarts);
      Files.move(unfinished, directory.resolve(name + INSTANCE));
      return stats;
    } catch (IOException e) {
      Files.deleteIfExists(unfinished);
      throw e;
    }
  }

  private static StageStats createLocked(Path path, Stage stage) throws IOException {
    FileChannel file = OwnFiles.open(path, StandardOpenOption.CREATE_NEW);
    synchronized (LOCKS) {
      OWN_LOCKS.add(file.lock());
    }
    OwnFiles.writeZeros(file, StageStats.LENGTH);
    return StageStats.create(file.map(MapMode.READ_WRITE, 0, StageStats.LENGTH), stage);
  }

  /**
   * The figures of one instance, living or dead.
   *
   * @return null while it has not made them, or if they were added to the sum
   */
  public StageStats find(String name) {
    try {
      return map(directory.resolve(name + INSTANCE));
    } catch (IOException e) {
      return null;
    }
  }

  /**
   * Looks at all figures. If they cannot be read, because a user has deleted them, say, the last
   * ones that were seen are returned, with all instances dead.
   */
  public FiguresView look() {
    try {
      return lookAtFiles();
    } catch (IOException e) {
      return last.withAllDead();
    }
  }

  private FiguresView lookAtFiles() throws IOException {
    while (true) {
      Map<Stage, StageStats> before = sums.read();
      List<InstanceFigures> instances = instances(before);
      if (FigureSums.lastAdded(before).equals(FigureSums.lastAdded(sums.read()))) {
        last = new FiguresView(instances, before);
        return last;
      }
    }
  }

  private List<InstanceFigures> instances(Map<Stage, StageStats> added) throws IOException {
    List<InstanceFigures> instances = new ArrayList<>();
    for (Path file : files(INSTANCE)) {
      String name = name(file);
      StageStats stats = mapped.containsKey(name) ? mapped.get(name) : map(file);
      if (stats != null) {
        mapped.put(name, stats);
        StageStats sum = added.get(stats.stage());
        if (sum == null || !sum.lastAdded().equals(name)) {
          instances.add(new InstanceFigures(name, stats.stage(), isLocked(file), true, stats));
        }
      }
    }
    mapped.keySet().retainAll(instances.stream().map(InstanceFigures::name).toList());
    return withLedgersThatCount(instances);
  }

  /**
   * Decides whose ledgers count, by one look at each number. So a reader that takes over at this
   * moment counts with its own ledger or with the dead one's, and never with both.
   */
  private static List<InstanceFigures> withLedgersThatCount(List<InstanceFigures> instances) {
    List<InstanceFigures> decided = new ArrayList<>();
    Map<Long, List<InstanceFigures>> byNumber =
        instances.stream().collect(Collectors.groupingBy(InstanceFigures::number));
    byNumber.forEach(
        (number, all) -> {
          if (number == 0) {
            all.forEach(one -> decided.add(one.needsNumber() ? one.withoutLedger() : one));
          } else {
            InstanceFigures newest =
                Collections.max(all, Comparator.comparingLong(InstanceFigures::generation));
            // The others are dead, even if one's lock was still seen.
            all.forEach(one -> decided.add(one.equals(newest) ? one : one.dead().withoutLedger()));
          }
        });
    decided.sort(Comparator.comparing(InstanceFigures::name));
    return decided;
  }

  /**
   * Adds the ended instances of a stage to its sum, unless another process is at it.
   *
   * @return how many of them died, those whose place they had taken included; readers with a number
   *     are left out, since {@link Figure#GENERATION} counts them
   */
  private long addEnded(Stage stage) throws IOException {
    long died = 0;
    try (FileChannel lockFile = OwnFiles.openOrCreate(directory.resolve(stage.label() + LOCK));
        FileLock lock = lockFile.tryLock()) {
      if (lock == null) {
        return 0;
      }
      List<InstanceFigures> instances = new ArrayList<>(lookAtFiles().instances());
      // Those without a ledger come first: a reader is added after those that had its number.
      instances.sort(Comparator.comparing(InstanceFigures::hasLedger));
      for (InstanceFigures instance : instances) {
        if (instance.stage() == stage && !instance.isAlive() && !instance.isOrphan()) {
          boolean counts = instance.hasDied() && instance.number() == 0;
          died += counts ? 1 + instance.restarts() : 0;
          sums.add(instance);
        }
      }
      deleteUnfinished(stage);
    }
    return died;
  }

  /** Deletes what instances left behind that were killed while they made their figures. */
  private void deleteUnfinished(Stage stage) throws IOException {
    Instant limit = Instant.now().minus(UNFINISHED_LIMIT);
    for (Path file : files(UNFINISHED)) {
      if (name(file).startsWith(stage.label()) && isOlder(file, limit)) {
        Files.deleteIfExists(file);
      }
    }
  }

  /** Whether a file was written before then; not if it is gone, since its instance finished it. */
  private static boolean isOlder(Path file, Instant limit) throws IOException {
    try {
      return Files.getLastModifiedTime(file).toInstant().isBefore(limit);
    } catch (NoSuchFileException e) {
      return false;
    }
  }

  /** The files of a kind, by name. */
  private List<Path> files(String kind) throws IOException {
    List<Path> files = new ArrayList<>();
    try (DirectoryStream<Path> all = Files.newDirectoryStream(directory, "*" + kind)) {
      all.forEach(files::add);
    }
    files.sort(null);
    return files;
  }

  private static String name(Path file) {
    String name = file.getFileName().toString();
    return name.substring(0, name.lastIndexOf('.'));
  }

  /** Another instance's figures; null if they are gone, or of another version. */
  private static StageStats map(Path file) throws IOException {
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
      return StageStats.of(channel.map(MapMode.READ_ONLY, 0, channel.size()));
    } catch (NoSuchFileException e) {
      return null;
    }
  }

  /** Whether another process holds the file's lock. A shared one can be tried by who only reads. */
  private static boolean isLocked(Path file) throws IOException {
    synchronized (LOCKS) {
      try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ);
          FileLock lock = channel.tryLock(0, Long.MAX_VALUE, true)) {
        return lock == null;
      } catch (OverlappingFileLockException e) {
        return true;
      } catch (NoSuchFileException e) {
        return false;
      }
    }
  }
}
