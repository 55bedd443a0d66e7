package io.framepipeline.benchmarks;

import io.framepipeline.common.config.ExitCode;
import io.framepipeline.common.config.ExitException;
import io.framepipeline.common.metrics.Figure;
import io.framepipeline.common.metrics.FiguresDirectory;
import io.framepipeline.common.metrics.StageStats;
import io.framepipeline.common.service.LocalRun;
import io.framepipeline.common.topology.Stage;
import io.framepipeline.console.Totals;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Stream;

/** A pipeline, started as users do, whose figures are read from outside while it runs. */
final class PipelineRun implements Contender {
  private static final double MEBIBYTE = 1 << 20;
  private static final double KIBIBYTES_PER_MEBIBYTE = 1024;
  private static final long POLL_NANOS = TimeUnit.MILLISECONDS.toNanos(20);
  private static final long COURSE_STEP_NANOS = TimeUnit.MILLISECONDS.toNanos(50);
  private static final long START_LIMIT_NANOS = TimeUnit.SECONDS.toNanos(60);

  private final Path home;
  private final Process process;
  private final Path directory;
  private final FiguresDirectory figures;
  private final Path log;
  private final long startNanos;

  /** Whether a failure has named the log, so that it must stay. */
  private boolean isLogNamed;

  PipelineRun(Path home, Map<String, String> settings, List<String> options) {
    this.home = home;
    List<String> command = new ArrayList<>(List.of(home.resolve("pipeline").toString(), "run"));
    command.addAll(options);
    try {
      log = Files.createTempFile("pipeline", ".log");
      startNanos = System.nanoTime();
      ProcessBuilder builder =
          new ProcessBuilder(command)
              .redirectOutput(ProcessBuilder.Redirect.DISCARD)
              .redirectError(log.toFile());
      builder.environment().putAll(settings);
      process = builder.start();
      directory = Path.of("/dev/shm/frame-pipeline-" + process.pid());
      figures = new FiguresDirectory(LocalRun.aeronDirectory(directory));
    } catch (IOException e) {
      throw new ExitException(ExitCode.INTERNAL, "the pipeline does not start: " + e.getMessage());
    }
  }

  @Override
  public ProcessHandle process() {
    return process.toHandle();
  }

  @Override
  public void awaitFirstFrame() {
    awaitFirstNorm();
  }

  /** Waits for the first norm; returns how many seconds after the command it was. */
  double awaitFirstNorm() {
    while (totals().framesNormed() == 0) {
      checkStarts(startNanos);
      LockSupport.parkNanos(POLL_NANOS);
    }
    return (System.nanoTime() - startNanos) / 1e9;
  }

  /**
   * Lets it run for a while, then measures for a while; with a silent source there are no frames.
   */
  Progress.Sample measure(int warmUpSeconds, int seconds) {
    LockSupport.parkNanos(TimeUnit.SECONDS.toNanos(warmUpSeconds));
    Progress from = now();
    LockSupport.parkNanos(TimeUnit.SECONDS.toNanos(seconds));
    return now().since(from);
  }

  /** Waits for so many seconds from the first frame on; returns what its one reader did in them. */
  Course course(int seconds) {
    awaitFirstNorm();
    StageStats reader = figures.find(Stage.READER.label() + "-1");
    long firstNanos = reader.counter(Figure.FIRST_READ_NANOS).get();
    Course course = new Course();
    double elapsed;
    do {
      LockSupport.parkNanos(COURSE_STEP_NANOS);
      checkRuns();
      elapsed = (System.nanoTime() - firstNanos) / 1e9;
      course.add(elapsed, reader.ledger.read().framesAcknowledged());
    } while (elapsed < seconds);
    return course;
  }

  /**
   * Has a second reciprocal join.
   *
   * @return what the one reader did from the command on, and the new instance from its first frame
   *     on, for so many seconds
   */
  Joining join(int secondsTogether) {
    StageStats reader = figures.find(Stage.READER.label() + "-1");
    long framesBefore = reader.ledger.read().framesAcknowledged();
    long commandNanos = System.nanoTime();
    scale(Stage.RECIPROCAL.label() + "=2");
    Course all = new Course();
    Course joined = new Course();
    double joinedAt = Double.NaN;
    while (joined.length() < secondsTogether) {
      LockSupport.parkNanos(COURSE_STEP_NANOS);
      checkRuns();
      double elapsed = (System.nanoTime() - commandNanos) / 1e9;
      all.add(elapsed, reader.ledger.read().framesAcknowledged() - framesBefore);
      StageStats instance = figures.find(Stage.RECIPROCAL.label() + "-2");
      long frames = instance == null ? 0 : instance.counter(Figure.FRAMES_TRANSFORMED).get();
      if (frames == 0) {
        checkStarts(commandNanos);
      } else if (Double.isNaN(joinedAt)) {
        joinedAt = elapsed;
      } else {
        joined.add(elapsed - joinedAt, frames);
      }
    }
    return new Joining(joinedAt, all, joined);
  }

  /**
   * How an instance joined.
   *
   * @param seconds from the command to its first frame
   */
  record Joining(double seconds, Course all, Course joined) {}

  private void scale(String stages) {
    try {
      new ProcessBuilder(home.resolve("pipeline").toString(), "scale", stages, "--dir=" + directory)
          .redirectOutput(ProcessBuilder.Redirect.DISCARD)
          .redirectError(ProcessBuilder.Redirect.appendTo(log.toFile()))
          .start();
    } catch (IOException e) {
      throw new ExitException(ExitCode.INTERNAL, "cannot scale: " + e.getMessage());
    }
  }

  /** Memory that only the process has, largest of each stage, by role; without shared logs. */
  Map<String, Double> residentMebibytes() {
    Map<String, Double> resident = new TreeMap<>();
    processes()
        .forEach(
            (pid, role) -> {
              double own = status(pid, "RssAnon:") + status(pid, "RssFile:");
              resident.merge(role, own / KIBIBYTES_PER_MEBIBYTE, Math::max);
            });
    return resident;
  }

  /** What the run has in shared memory; a file counts once, whatever links there are to it. */
  double sharedMebibytes() {
    Map<Object, Long> sizes = new HashMap<>();
    try (Stream<Path> files = Files.walk(directory)) {
      for (Path file : (Iterable<Path>) files.filter(Files::isRegularFile)::iterator) {
        BasicFileAttributes attributes = Files.readAttributes(file, BasicFileAttributes.class);
        sizes.put(attributes.fileKey(), attributes.size());
      }
    } catch (IOException e) {
      throw new ExitException(ExitCode.INTERNAL, "cannot read " + directory + ": " + e);
    }
    return sizes.values().stream().mapToLong(Long::longValue).sum() / MEBIBYTE;
  }

  @Override
  public void close() {
    process.destroy();
    try {
      process.waitFor();
      if (!isLogNamed) {
        Files.delete(log);
      }
    } catch (IOException | InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  @Override
  public Progress now() {
    checkRuns();
    Totals totals = totals();
    Map<String, Double> cpu = new TreeMap<>();
    double switches = 0;
    for (Map.Entry<Long, String> entry : processes().entrySet()) {
      cpu.merge(entry.getValue(), cpuSeconds(entry.getKey()), Double::sum);
      switches += contextSwitches(entry.getKey());
    }
    return new Progress(
        totals.nanos(), totals.ledger().framesAcknowledged(), totals.latencyNanos(), cpu, switches);
  }

  /** Fails if the run has ended: figures of what does not run would be wrong. */
  private void checkRuns() {
    if (!process.isAlive()) {
      throw failure("the pipeline has ended, with exit code " + process.exitValue());
    }
  }

  /** Fails if what was begun at this moment cannot be expected to come any more. */
  private void checkStarts(long beganNanos) {
    checkRuns();
    if (System.nanoTime() - beganNanos > START_LIMIT_NANOS) {
      throw failure("the pipeline does not get to its frames");
    }
  }

  private ExitException failure(String what) {
    isLogNamed = true;
    return new ExitException(ExitCode.INTERNAL, what + ": see " + log.toAbsolutePath());
  }

  private Totals totals() {
    return Totals.of(figures.look());
  }

  /** The services and the driver, by process id, with what they are. */
  private Map<Long, String> processes() {
    Map<Long, String> roles = new TreeMap<>();
    process
        .descendants()
        .forEach(
            child -> {
              String arguments = read(child.pid(), "cmdline");
              for (String role : List.of("reader", "reciprocal", "norm", "driver")) {
                if (arguments.contains("io.framepipeline." + role + ".")) {
                  roles.put(child.pid(), role);
                }
              }
            });
    return roles;
  }

  private static double cpuSeconds(long pid) {
    return ProcessHandle.of(pid)
        .flatMap(handle -> handle.info().totalCpuDuration())
        .map(duration -> duration.toNanos() / 1e9)
        .orElse(0.0);
  }

  private static double contextSwitches(long pid) {
    try (Stream<Path> threads = Files.list(Path.of("/proc/" + pid + "/task"))) {
      return threads
          .mapToDouble(
              thread ->
                  // Voluntary ones and others.
                  status(Long.parseLong(thread.getFileName().toString()), "ctxt_switches:"))
          .sum();
    } catch (IOException e) {
      return 0;
    }
  }

  /** The sum of what has a name that ends so. */
  private static double status(long pid, String key) {
    return read(pid, "status")
        .lines()
        .filter(line -> line.contains(key))
        .mapToDouble(line -> Double.parseDouble(line.replaceAll("[^0-9]", "")))
        .sum();
  }

  /** A process that has just ended has nothing to say. */
  private static String read(long pid, String file) {
    try {
      return Files.readString(Path.of("/proc/" + pid, file));
    } catch (IOException e) {
      return "";
    }
  }
}
