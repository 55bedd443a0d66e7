package io.framepipeline.launcher;

import io.framepipeline.common.config.ExitCode;
import io.framepipeline.common.config.ExitException;
import io.framepipeline.common.config.Settings;
import io.framepipeline.common.metrics.FiguresDirectory;
import io.framepipeline.common.service.CommonSettings;
import io.framepipeline.common.service.LocalRun;
import io.framepipeline.common.service.Signals;
import io.framepipeline.common.topology.InstanceCounts;
import io.framepipeline.common.topology.Stage;
import io.framepipeline.common.transport.DriverCounters;
import io.framepipeline.common.transport.SharedMemorySize;
import io.framepipeline.console.Totals;
import io.framepipeline.reader.ReaderSettings;
import io.framepipeline.reader.Source;
import java.io.IOException;
import java.nio.file.Path;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/** {@code ./pipeline run}: starts a pipeline, shows its progress, and accounts for every frame. */
@Command(
    name = "run",
    header = "Runs a pipeline on this machine until its input ends or Ctrl-C.",
    synopsisHeading = "%nUsage: ",
    description = {
      "Starts a media driver and the services as processes of this machine, shows a line a second"
          + " on standard error, and ends with the ledger: every frame read has its norm"
          + " and is acknowledged, was abandoned, or shows as lost.%n",
      "Ctrl-C, SIGTERM or the terminal's end stops reading, delivers what is in flight, and ends;"
          + " a second Ctrl-C or SIGTERM ends at once. Whatever process dies is started again. The"
          + " services' settings (READER_WINDOW_FRAMES, IDLE_STRATEGY, ...; see docs/reference.md) are taken"
          + " from the environment.%n"
    },
    customSynopsis = "./pipeline run [OPTION...]%n",
    usageHelpWidth = 100,
    sortOptions = false,
    mixinStandardHelpOptions = true)
final class RunCommand implements Callable<Integer> {
  private static final long STEP_NANOS = TimeUnit.MILLISECONDS.toNanos(10);
  private static final long DISPLAY_NANOS = TimeUnit.SECONDS.toNanos(1);
  private static final long LOOK_NANOS = TimeUnit.MILLISECONDS.toNanos(500);

  @Mixin private RunOptions options;

  private final AtomicInteger signals = new AtomicInteger();
  private final Console console = new Console(System.err);

  /** As the services will read them, except where their files and metrics are. */
  private CommonSettings common;

  private ReaderSettings reader;

  @Override
  @SuppressWarnings("try") // the source is only held
  public Integer call() throws IOException {
    check();
    Signals.onStop(signals::incrementAndGet);
    Signals.onHangUp(() -> signals.compareAndSet(0, 1));
    try (Source.Hold hold = reader.source().hold();
        RunDirectory runDirectory = RunDirectory.create();
        LivePage page = LivePage.open(options.page, LocalRun.aeronDirectory(runDirectory.path()))) {
      sharedMemory(runDirectory.path())
          .requireFreeFor(InstanceCounts.of(options.instances()), reader.windowFrames());
      if (reader.results() != null) {
        // Only when the run can start, since this deletes the results of the run before.
        reader.results().replace(reader.source().path(), options.readers());
      }
      Processes processes =
          new Processes(
              runDirectory.path(),
              options.settings(),
              PacedRun.of(common, reader),
              reader.kafka() != null);
      page.announce(console);
      return run(runDirectory, new Supervisor(processes, console), page);
    }
  }

  /** The options given on the command line. */
  RunOptions options() {
    return options;
  }

  /** Finds everything that can be wrong before anything is started. */
  private void check() {
    options
        .instances()
        .forEach((stage, count) -> RunOptions.checkInstances("--" + stage.plural(), count));
    if (options.durationSeconds != null && !(options.durationSeconds > 0)) {
      throw Settings.malformed(
          "--duration", options.durationSeconds.toString(), "more than 0 seconds");
    }
    if (options.json != null) {
      JsonFile.check(options.json);
    }
    LivePage.check(options.page);
    Map<String, String> environment = new HashMap<>(System.getenv());
    environment.putAll(options.settings());
    Settings settings = new Settings(environment, new Properties());
    common = CommonSettings.read(settings);
    reader =
        ReaderSettings.read(
            settings, sharedMemory(RunDirectory.SHARED_MEMORY).defaultWindowFrames());
    reader.source().checkReaders("--" + Stage.first().plural(), options.readers());
    DriverCounters.requireEnoughFor(InstanceCounts.of(options.instances()));
    Processes.requireTools();
    if (options.print != null && options.results != null) {
      throw new ExitException(
          ExitCode.USAGE, "--results=%s: give either this or --print".formatted(options.results));
    }
  }

  private int run(RunDirectory runDirectory, Supervisor supervisor, LivePage page) {
    Path path = runDirectory.path();
    FiguresDirectory figures = new FiguresDirectory(LocalRun.aeronDirectory(path));
    RunFiles files = new RunFiles(path, figures);
    supervisor.start(options.instances());
    Optional<Path> missing = Optional.empty();
    long lookNanos = System.nanoTime();

    Totals shown = Totals.of(figures.look());
    while (!supervisor.isDone()) {
      LockSupport.parkNanos(STEP_NANOS);
      supervisor.doWork();

      if (signals.get() > 1) {
        supervisor.kill();
      } else if (signals.get() > 0
          || isTimeOver(supervisor)
          || supervisor.exitCode() == ExitCode.OUTPUT) {
        supervisor.drain();
      }
      if (missing.isEmpty() && System.nanoTime() - lookNanos >= LOOK_NANOS) {
        lookNanos = System.nanoTime();
        missing = runDirectory.missing();
        missing.ifPresent(gone -> onMissing(gone, supervisor));
      }
      if (missing.isEmpty()) {
        files.doWork(counts -> scale(counts, path, supervisor, page), supervisor);
      }

      if (System.nanoTime() - shown.nanos() >= DISPLAY_NANOS) {
        Totals now = Totals.of(figures.look());
        console.progress(shown, now);
        shown = now;
      }
    }
    Report report = Report.of(Totals.of(figures.look()), supervisor.asked());
    int exitCode = supervisor.exitCode();
    if (missing.isPresent() && report.isComplete()) {
      exitCode = ExitCode.INTERNAL;
    }
    return account(report, exitCode);
  }

  /** Accounts for every frame, unless the run could not begin; returns the command's exit code. */
  private int account(Report report, int runExitCode) {
    int exitCode = runExitCode;
    if (report.ledger().framesRead() == 0
        && (exitCode == ExitCode.USAGE || exitCode == ExitCode.START)) {
      return exitCode;
    }
    console.print(report);
    if (options.json != null) {
      try {
        JsonFile.write(options.json, report);
      } catch (ExitException e) {
        console.print(e.getMessage());
        exitCode = Math.max(e.exitCode(), exitCode);
      }
    }
    if (!report.isComplete()) {
      console.print(
          String.format(
              Locale.ROOT,
              "%,d frames lost, %,d abandoned",
              report.ledger().framesLost(),
              report.ledger().framesAbandoned()));
      exitCode = Math.max(ExitCode.LOST, exitCode);
    }
    return exitCode;
  }

  /**
   * Ends the run: no frame can arrive any more, and no process can be told to stop. The figures are
   * mapped, so they can still be read.
   */
  private void onMissing(Path path, Supervisor supervisor) {
    console.event(
        path
            + " was deleted under this run, which ends; if the system does so when its user logs out, set RemoveIPC=no in logind.conf, or have the user linger (loginctl enable-linger)");
    supervisor.killDriverToo();
  }

  /** For the file system that holds a run's files, as it is now. */
  private SharedMemorySize sharedMemory(Path runDirectory) {
    return new SharedMemorySize(
        LocalRun.aeronDirectory(runDirectory), common.channels(), common.sharedMemoryLimit());
  }

  private void scale(
      Map<Stage, Integer> counts, Path runDirectory, Supervisor supervisor, LivePage page) {
    counts.forEach((stage, count) -> RunOptions.checkInstances(stage.label(), count));
    reader.source().checkReaders(Stage.first().label(), counts.getOrDefault(Stage.first(), 1));
    Map<Stage, Integer> asked = new EnumMap<>(supervisor.asked());
    asked.putAll(counts);
    DriverCounters.requireEnoughFor(InstanceCounts.of(asked));
    sharedMemory(runDirectory)
        .requireFreeFor(
            InstanceCounts.of(asked), InstanceCounts.of(supervisor.asked()), reader.windowFrames());
    supervisor.scale(counts);
    counts.forEach((stage, count) -> page.note("scaling", stage.label() + " to " + count));
  }

  private boolean isTimeOver(Supervisor supervisor) {
    if (options.durationSeconds == null) {
      return false;
    }
    long firstReadNanos = supervisor.firstReadNanos();
    return firstReadNanos != 0
        && System.nanoTime() - firstReadNanos
            >= options.durationSeconds * TimeUnit.SECONDS.toNanos(1);
  }
}
