package io.framepipeline.benchmarks;

import io.framepipeline.common.wire.Frames;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/** The measurements of each {@link Section}. */
final class Measurements {
  private static final int TURNS_PER_SECOND = 2;
  private static final int WARM_UP_TURNS = 15 * TURNS_PER_SECOND;

  /** A paced load, or none, is compiled late, and some frames are held up until then. */
  private static final int PACED_WARM_UP_SECONDS = 25;

  /** Many JVMs on few cores are compiled later still. */
  private static final int GROWTH_WARM_UP_SECONDS = 40;

  /** Of the seconds after the first frame, those that are reported one by one. */
  private static final int FIRST_SECONDS = 4;

  /** By then one of each is compiled. */
  private static final int STEADY_AFTER_SECONDS = 8;

  private static final double NINE_TENTHS = 0.9;
  private static final int FILE_MEBIBYTES = 64;
  static final String FRAMES_PER_SECOND = "frames/s";
  private static final String CPU_PER_FRAME = "us/frame";

  private final Path home;
  private final int rounds;
  private final int seconds;
  private final Map<String, Series> all = new LinkedHashMap<>();

  Measurements(Path home, int rounds, int seconds) {
    this.home = home;
    this.rounds = rounds;
    this.seconds = seconds;
  }

  List<Series> urandom() {
    Baseline baseline = new Baseline(home);
    try (Turns turns = new Turns()) {
      turns.add("C, one thread that only reads", baseline.start("read"));
      turns.add("C rings", baseline.start("rings", "/dev/urandom"));
      turns.add("pipeline", run());
      turns.add("pipeline, 2 readers", run("--readers=2"));
      take(turns);
    }
    return take();
  }

  List<Series> memory() {
    Baseline baseline = new Baseline(home);
    try (Turns turns = new Turns()) {
      turns.add("C rings", baseline.start("rings", "mem"));
      turns.add("C rings, sleeping", baseline.start("sleeping", "mem"));
      turns.add("C logs", baseline.start("logs", "mem"));
      turns.add("C rings, /dev/zero", baseline.start("rings", "/dev/zero"));
      turns.add("pipeline, /dev/zero", run("--source=/dev/zero"));
      take(turns);
    }
    return take();
  }

  List<Series> file() {
    Baseline baseline = new Baseline(home);
    try (RandomFile file = RandomFile.create(Path.of("/dev/shm"), FILE_MEBIBYTES);
        Turns turns = new Turns()) {
      turns.add("C rings", baseline.start("rings", file.path().toString()));
      turns.add("C rings from memory", baseline.start("rings", "mem"));
      turns.add("pipeline", run("--source=" + file.path(), "--repeat"));
      take(turns);
    }
    return take();
  }

  List<Series> kernels() {
    Baseline baseline = new Baseline(home);
    for (int round = 0; round < rounds; round++) {
      add("C, reciprocals", "ns", baseline.measure(1, "reciprocals"));
      add("C, norm", "ns", baseline.measure(1, "norm"));
    }
    List<Series> measured = take();
    measured.addAll(Microbenchmarks.run(home, rounds));
    return measured;
  }

  List<Series> latency() {
    Baseline baseline = new Baseline(home);
    for (int round = 0; round < rounds; round++) {
      for (int rate : new int[] {1_000, 10_000}) {
        double[] quantiles = baseline.measureAll(seconds, "paced", Integer.toString(rate));
        addLatency("C rings, sleeping", rate, quantiles[0], quantiles[1]);
        Progress.Sample sample = sample(PACED_WARM_UP_SECONDS, "--rate=" + rate);
        addLatency("pipeline", rate, sample.p50Micros(), sample.p99Micros());
      }
    }
    return take();
  }

  List<Series> start() {
    for (int round = 0; round < rounds; round++) {
      try (PipelineRun run = run()) {
        add("first norm", "s", run.awaitFirstNorm());
      }
    }
    return take();
  }

  List<Series> warmup() {
    for (int round = 0; round < rounds; round++) {
      addFirstSeconds("urandom", "/dev/urandom");
      addFirstSeconds("memory", "/dev/zero");
      try (PipelineRun run = run("--rate=10000")) {
        run.awaitFirstNorm();
        LockSupport.parkNanos(TimeUnit.SECONDS.toNanos(seconds));
        add("10,000 frames/s: oldest frame", "ms", run.now().latencyNanos().max() / 1e6);
      }
      addJoining();
    }
    return take();
  }

  List<Series> idle() {
    for (int round = 0; round < rounds; round++) {
      try (PipelineRun run = run("--source=-")) {
        Progress.Sample sample = run.measure(PACED_WARM_UP_SECONDS, seconds);
        sample
            .cores()
            .forEach((role, cores) -> add(role + ", CPU time", "% of a core", 100 * cores));
        run.residentMebibytes().forEach((role, size) -> add(role + ", resident", "MiB", size));
      }
    }
    return take();
  }

  List<Series> growth() {
    for (int round = 0; round < rounds; round++) {
      grow("one of each", Frames.DEFAULT_WINDOW_FRAMES);
      for (int reciprocals : new int[] {2, 4, 8}) {
        String option = "--reciprocals=" + reciprocals;
        grow("%s reciprocals".formatted(reciprocals), Frames.DEFAULT_WINDOW_FRAMES, option);
      }
      for (int readers : new int[] {2, 4}) {
        String option = "--readers=" + readers;
        grow("%s readers".formatted(readers), Frames.DEFAULT_WINDOW_FRAMES, option);
      }
      for (int frames : new int[] {128, 4096, 16384}) {
        grow("window of %s frames".formatted(frames), frames);
      }
    }
    return take();
  }

  private void addFirstSeconds(String name, String source) {
    int end = STEADY_AFTER_SECONDS + seconds;
    try (PipelineRun run = run("--source=" + source)) {
      Course course = run.course(end);
      double steady = course.rate(STEADY_AFTER_SECONDS, end);
      for (int second = 1; second <= FIRST_SECONDS; second++) {
        add(
            "%s: second %s".formatted(name, second),
            "of steady",
            course.rate(second - 1, second) / steady);
      }
      add(name + ": until nine tenths", "s", course.secondsUntil(NINE_TENTHS * steady));
      add(name + ": steady", FRAMES_PER_SECOND, steady);
    }
  }

  private void addJoining() {
    try (PipelineRun run = run()) {
      run.awaitFirstNorm();
      double before = run.measure(STEADY_AFTER_SECONDS, seconds).framesPerSecond();
      int together = STEADY_AFTER_SECONDS + seconds;
      PipelineRun.Joining joining = run.join(together);
      double share = joining.joined().rate(STEADY_AFTER_SECONDS, together);
      String name = "reciprocal that joins";
      add(name + ": until its first frame", "s", joining.seconds());
      add(name + ": until nine tenths", "s", joining.joined().secondsUntil(NINE_TENTHS * share));
      add(name + ": least rate of all", "of before", joining.all().leastRate() / before);
      add(
          name + ": second 1 with it",
          "of before",
          joining.all().rate(joining.seconds(), joining.seconds() + 1) / before);
      add(name + ": steady", "of before", joining.all().rate(together, together + 1) / before);
    }
  }

  /** The window is set, so that what is shared does not depend on the machine's memory. */
  private void grow(String name, int windowFrames, String... options) {
    Map<String, String> settings = Map.of("READER_WINDOW_FRAMES", Integer.toString(windowFrames));
    try (PipelineRun run = new PipelineRun(home, settings, List.of(options))) {
      run.awaitFirstNorm();
      Progress.Sample sample = run.measure(GROWTH_WARM_UP_SECONDS, seconds);
      add(name, FRAMES_PER_SECOND, sample.framesPerSecond());
      add(
          name + ", CPU time but the readers'",
          CPU_PER_FRAME,
          // The reader's is the source's.
          sample.cpuMicrosPerFrame().entrySet().stream()
              .filter(entry -> !entry.getKey().equals("reader"))
              .mapToDouble(Map.Entry::getValue)
              .sum());
      add(name + ", shared memory", "MiB", run.sharedMebibytes());
    }
  }

  private Progress.Sample sample(int warmUpSeconds, String... options) {
    try (PipelineRun run = run(options)) {
      run.awaitFirstNorm();
      return run.measure(warmUpSeconds, seconds);
    }
  }

  private PipelineRun run(String... options) {
    return new PipelineRun(home, Map.of(), List.of(options));
  }

  private void take(Turns turns) {
    turns.warmUp(WARM_UP_TURNS);
    turns.take(
        rounds * seconds * TURNS_PER_SECOND,
        (name, sample) -> {
          add(name, FRAMES_PER_SECOND, sample.framesPerSecond());
          sample
              .cpuMicrosPerFrame()
              .forEach((role, micros) -> add(name + ": " + role, CPU_PER_FRAME, micros));
          if (!sample.cpuMicrosPerFrame().isEmpty()) {
            add(name + ": context switches", "/frame", sample.contextSwitchesPerFrame());
          }
        });
  }

  private void addLatency(String name, int rate, double p50Micros, double p99Micros) {
    String paced = String.format(Locale.ROOT, "%s, %,d frames/s", name, rate);
    add(paced + ": p50", "us", p50Micros);
    add(paced + ": p99", "us", p99Micros);
  }

  private void add(String name, String unit, double value) {
    all.computeIfAbsent(name, key -> new Series(key, unit)).add(value);
  }

  private List<Series> take() {
    List<Series> measured = new ArrayList<>(all.values());
    all.clear();
    return measured;
  }
}
