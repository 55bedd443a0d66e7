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
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

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

  /** The files of this process's own figures; closing one would free its lock. */
  private static final List<FileChannel> OWN_FILES = new ArrayList<>();

  /**
   * An instance, as it is now.
   *
   * @param name never used for another one
   * @param isAlive whether its process lives
   */
  public record Instance(String name, Stage stage, boolean isAlive, StageStats stats) {
    /** Its ledger. For a dead reader nothing counts as in flight. */
    public Ledger.Entry ledger() {
      Ledger.Entry entry = stats.ledger.read();
      return isAlive ? entry : stats.endedLedger();
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

    /** The frames that the instance has read, transformed or normed, depending on its stage. */
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

    private View withAllDead() {
      return new View(
          instances.stream()
              .map(one -> new Instance(one.name(), one.stage(), false, one.stats()))
              .toList(),
          sums);
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
      OWN_FILES.add(file);
    }
    file.lock();
    write(ByteBuffer.allocate(StageStats.LENGTH), file);
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
          instances.add(new Instance(name, stats.stage(), isLocked(file), stats));
        }
      }
    }
    mapped.keySet().retainAll(instances.stream().map(Instance::name).toList());
    return instances;
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
   * @return how many instances died, those whose place they had taken included
   */
  private long addEnded(Stage stage) throws IOException {
    long died = 0;
    try (FileChannel lockFile = OwnFiles.openOrCreate(directory.resolve(stage.label() + LOCK));
        FileLock lock = lockFile.tryLock()) {
      if (lock == null) {
        return 0;
      }
      for (Instance instance : lookAtFiles().instances()) {
        if (instance.stage() == stage && !instance.isAlive()) {
          died += instance.hasDied() ? 1 + instance.stats().counter(Figure.RESTARTS).get() : 0;
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
      sum.add("", before);
      Files.deleteIfExists(directory.resolve(before.lastAdded() + INSTANCE));
    }
    sum.add(ended.name(), ended.stats());
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
