package io.framepipeline.common.metrics;

import io.framepipeline.common.linux.OwnFiles;
import io.framepipeline.common.topology.Stage;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileChannel.MapMode;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.EnumMap;
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
 * and deletes their files. The sum is replaced by renaming a new one, which names the file that was
 * added last. So if the instance is killed between renaming and deleting, that file counts no more,
 * and the next instance deletes it.
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
  private static final String INSTANCE = ".figures";
  private static final String SUM = ".sum";
  private static final String UNFINISHED = ".new";
  private static final String LOCK = ".lock";

  /** Long enough for any process that is still at work on an unfinished file. */
  private static final Duration UNFINISHED_LIMIT = Duration.ofMinutes(1);

  /** Java does not let two threads of a process try the same lock. */
  private static final Object LOCKS = new Object();

  /** Those of this process's own figures: Java forgets a lock that nothing refers to. */
  private static final List<FileLock> OWN_LOCKS = new ArrayList<>();

  /**
   * An instance, as it is now.
   *
   * @param name never used for another one
   * @param isAlive whether its process lives
   * @param hasLedger whether its ledger counts; not for a reader that has none yet, or from which
   *     another one has taken over
   */
  public record Instance(
      String name, Stage stage, boolean isAlive, boolean hasLedger, StageStats stats) {
    /** Its ledger, if that counts. For a dead reader nothing counts as in flight. */
    public Ledger.Entry ledger() {
      if (!hasLedger) {
        return Ledger.Entry.EMPTY;
      }
      return isAlive ? stats.ledger.read() : stats.endedLedger();
    }

    /** Whether the instance is at work: connected to the driver and to the next stage. */
    public boolean isReady() {
      return isAlive && stats.counter(Figure.READY).get() == 1;
    }

    /** Whether the instance lives and was told to stop. */
    public boolean isStopping() {
      return isAlive && stats.counter(Figure.STOPPING).get() == 1;
    }

    /** Whether its process died without an end in order. */
    public boolean hasDied() {
      return !isAlive && stats.counter(Figure.ENDED).get() == 0;
    }

    /**
     * Whether it is a reader that died, and whose frames in flight another one can take over: they
     * show as lost until then.
     */
    public boolean isOrphan() {
      return hasDied() && hasLedger && number() != 0;
    }

    /** A reader's number, counted from 0; -1 if it has none. */
    public long reader() {
      return number() - 1;
    }

    /** How many instances died whose place this one took. */
    public long restarts() {
      return stats.counter(Figure.RESTARTS).get() + stats.counter(Figure.GENERATION).get();
    }

    /** The same, now that its process is gone. */
    public Instance dead() {
      return with(false, hasLedger);
    }

    private Instance with(boolean isNowAlive, boolean countsNow) {
      return new Instance(name, stage, isNowAlive, countsNow, stats);
    }

    /** Whether it is a reader whose ledger counts only once it has a number. */
    private boolean needsNumber() {
      return stage.isFirst() && stats.counter(Figure.IS_REREAD).get() == 0;
    }

    /** Its {@link Figure#READER}; 0 for other stages. */
    private long number() {
      return stage.isFirst() ? stats.counter(Figure.READER).get() : 0;
    }

    private long generation() {
      return stats.counter(Figure.GENERATION).get();
    }

    /**
     * The frames that the instance has read, transformed or normed, depending on its stage. A
     * reader counts those of the dead ones that had its number, too.
     */
    public long frames() {
      if (stage.isFirst()) {
        return stats.ledger.read().framesRead();
      }
      return stats.counter(stage.isLast() ? Figure.FRAMES_NORMED : Figure.FRAMES_TRANSFORMED).get();
    }
  }

  /**
   * What there is at one moment; nothing is missing and nothing is there twice.
   *
   * @param instances living and dead ones, by name
   * @param sums the figures of instances that ended earlier, for stages that have such
   */
  public record View(List<Instance> instances, Map<Stage, StageStats> sums) {
    /** No instances and no sums. */
    public static final View EMPTY = new View(List.of(), Map.of());

    /** The dead readers whose frames in flight another one can take over. */
    public List<Instance> orphans() {
      return instances.stream().filter(Instance::isOrphan).toList();
    }

    private View withAllDead() {
      return new View(instances.stream().map(Instance::dead).toList(), sums);
    }
  }

  private final Path directory;

  /** What was mapped before: the owners write to the same memory as long as they live. */
  private final Map<String, StageStats> mapped = new HashMap<>();

  private View last = View.EMPTY;

  /** The figures of the instances that work with the driver of this directory. */
  public FiguresDirectory(Path aeronDirectory) {
    this.directory = path(aeronDirectory);
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
  public View look() {
    try {
      return lookAtFiles();
    } catch (IOException e) {
      return last.withAllDead();
    }
  }

  private View lookAtFiles() throws IOException {
    while (true) {
      Map<Stage, StageStats> sums = sums();
      List<Instance> instances = instances(sums);
      if (lastAdded(sums).equals(lastAdded(sums()))) {
        last = new View(instances, sums);
        return last;
      }
    }
  }

  private List<Instance> instances(Map<Stage, StageStats> sums) throws IOException {
    List<Instance> instances = new ArrayList<>();
    for (Path file : files(INSTANCE)) {
      String name = name(file);
      StageStats stats = mapped.containsKey(name) ? mapped.get(name) : map(file);
      if (stats != null) {
        mapped.put(name, stats);
        StageStats sum = sums.get(stats.stage());
        if (sum == null || !sum.lastAdded().equals(name)) {
          instances.add(new Instance(name, stats.stage(), isLocked(file), true, stats));
        }
      }
    }
    mapped.keySet().retainAll(instances.stream().map(Instance::name).toList());
    return withLedgersThatCount(instances);
  }

  /**
   * Decides whose ledgers count, by one look at each number. So a reader that takes over at this
   * moment counts with its own ledger or with the dead one's, and never with both.
   */
  private static List<Instance> withLedgersThatCount(List<Instance> instances) {
    List<Instance> decided = new ArrayList<>();
    instances.stream()
        .collect(Collectors.groupingBy(Instance::number))
        .forEach(
            (number, all) -> {
              if (number == 0) {
                all.forEach(
                    one -> decided.add(one.needsNumber() ? one.with(one.isAlive, false) : one));
              } else {
                Instance newest =
                    Collections.max(all, Comparator.comparingLong(Instance::generation));
                // The others are dead, even if one's lock was still seen.
                all.forEach(one -> decided.add(one.equals(newest) ? one : one.with(false, false)));
              }
            });
    decided.sort(Comparator.comparing(Instance::name));
    return decided;
  }

  private Map<Stage, StageStats> sums() throws IOException {
    Map<Stage, StageStats> sums = new EnumMap<>(Stage.class);
    for (Stage stage : Stage.ALL) {
      StageStats sum = sum(stage);
      if (sum != null) {
        sums.put(stage, sum);
      }
    }
    return sums;
  }

  private static Map<Stage, String> lastAdded(Map<Stage, StageStats> sums) {
    Map<Stage, String> names = new EnumMap<>(Stage.class);
    sums.forEach((stage, sum) -> names.put(stage, sum.lastAdded()));
    return names;
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
      List<Instance> instances = new ArrayList<>(lookAtFiles().instances());
      // Those without a ledger come first: a reader is added after those that had its number.
      instances.sort(Comparator.comparing(Instance::hasLedger));
      for (Instance instance : instances) {
        if (instance.stage() == stage && !instance.isAlive() && !instance.isOrphan()) {
          boolean counts = instance.hasDied() && instance.number() == 0;
          died += counts ? 1 + instance.restarts() : 0;
          add(instance);
        }
      }
      deleteUnfinished(stage);
    }
    return died;
  }

  private void add(Instance ended) throws IOException {
    Stage stage = ended.stage();
    ByteBuffer memory = ByteBuffer.allocateDirect(StageStats.LENGTH);
    StageStats sum = StageStats.create(memory, stage);
    StageStats before = sum(stage);
    if (before != null) {
      sum.add("", before, before.ledger.read());
      Files.deleteIfExists(directory.resolve(before.lastAdded() + INSTANCE));
    }
    sum.add(ended.name(), ended.stats(), ended.ledger());
    Path unfinished = directory.resolve(stage.label() + SUM + UNFINISHED);
    Files.deleteIfExists(unfinished);
    try (FileChannel file = OwnFiles.open(unfinished, StandardOpenOption.CREATE_NEW)) {
      write(memory.clear(), file);
    }
    Files.move(unfinished, directory.resolve(stage.label() + SUM), StandardCopyOption.ATOMIC_MOVE);
    Files.delete(directory.resolve(ended.name() + INSTANCE));
  }

  /** Deletes what instances left behind that were killed while they made their figures. */
  private void deleteUnfinished(Stage stage) throws IOException {
    Instant limit = Instant.now().minus(UNFINISHED_LIMIT);
    for (Path file : files(UNFINISHED)) {
      if (name(file).startsWith(stage.label())
          && Files.getLastModifiedTime(file).toInstant().isBefore(limit)) {
        Files.deleteIfExists(file);
      }
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

  private static void write(ByteBuffer bytes, FileChannel file) throws IOException {
    while (bytes.hasRemaining()) {
      file.write(bytes);
    }
  }
}
