package io.framepipeline.systemtests;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.framepipeline.common.metrics.Figure;
import io.framepipeline.common.metrics.FiguresDirectory;
import io.framepipeline.common.metrics.InstanceFigures;
import io.framepipeline.common.metrics.StageStats;
import io.framepipeline.common.service.LocalRun;
import io.framepipeline.common.topology.Stage;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.ProcessBuilder.Redirect;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** {@code ./pipeline run ...} as a process, with what it prints in files. */
final class PipelineProcess implements AutoCloseable {
  /** A watchdog, not an expectation: how long anything may take on a slow, busy machine. */
  static final Duration LIMIT = Duration.ofSeconds(90);

  private static final Redirect NO_INPUT = Redirect.from(Path.of("/dev/null").toFile());

  /** The checkout. */
  static final Path HOME = Path.of(System.getProperty("pipeline.home"));

  private final Process process;
  private final Path sharedMemory;
  private final Path directory;
  private final Path out;
  private final Path err;
  private final Path json;

  private PipelineProcess(
      Process process, Path sharedMemory, Path directory, Path out, Path err, Path json) {
    this.process = process;
    this.sharedMemory = sharedMemory;
    this.directory = directory;
    this.out = out;
    this.err = err;
    this.json = json;
  }

  /** Starts a run that reads nothing from standard input. */
  static PipelineProcess run(Path directory, String... options) {
    return run(directory, Map.of(), options);
  }

  /** Starts a run that reads nothing from standard input. */
  static PipelineProcess run(Path directory, Map<String, String> environment, String... options) {
    return run(directory, NO_INPUT, environment, options);
  }

  /** Starts a run. */
  static PipelineProcess run(
      Path directory, Redirect input, Map<String, String> environment, String... options) {
    return run(SharedMemory.ofTheMachine(), directory, input, environment, options);
  }

  /** Starts a run whose standard output is the process's input stream, to be read as it comes. */
  static PipelineProcess runPiped(Path directory, String... options) {
    return run(
        SharedMemory.ofTheMachine(),
        List.of(),
        directory,
        NO_INPUT,
        Redirect.PIPE,
        Map.of(),
        options);
  }

  /**
   * Starts a run that reads nothing from standard input and finds other surroundings.
   *
   * @param wrapper makes these and executes, in the same process, the command that follows it
   */
  static PipelineProcess runBy(
      List<String> wrapper, Path directory, Map<String, String> environment, String... options) {
    return run(
        SharedMemory.ofTheMachine(), wrapper, directory, NO_INPUT, null, environment, options);
  }

  /** The same within another /dev/shm than the rest of the machine sees. */
  static PipelineProcess runBy(
      SharedMemory sharedMemory, List<String> wrapper, Path directory, String... options) {
    return run(sharedMemory, wrapper, directory, NO_INPUT, null, Map.of(), options);
  }

  /** Starts a run that may see another /dev/shm than the rest of the machine. */
  static PipelineProcess run(
      SharedMemory sharedMemory,
      Path directory,
      Redirect input,
      Map<String, String> environment,
      String... options) {
    return run(sharedMemory, List.of(), directory, input, null, environment, options);
  }

  private static PipelineProcess run(
      SharedMemory sharedMemory,
      List<String> wrapper,
      Path directory,
      Redirect input,
      Redirect output,
      Map<String, String> environment,
      String... options) {
    try {
      Path own = Files.createTempDirectory(directory, "run");
      Path json = own.resolve("report.json");
      List<String> command = new ArrayList<>(sharedMemory.wrapper());
      command.addAll(wrapper);
      command.addAll(List.of(HOME.resolve("pipeline").toString(), "run"));
      command.addAll(List.of("--json", json.toString()));
      command.addAll(List.of(options));
      Path out = own.resolve("out");
      Path err = own.resolve("err");
      ProcessBuilder builder =
          new ProcessBuilder(command)
              .redirectInput(input)
              .redirectOutput(output == null ? Redirect.to(out.toFile()) : output)
              .redirectError(err.toFile());
      builder.environment().putAll(environment);
      Process process = builder.start();
      return new PipelineProcess(process, sharedMemory.of(process), own, out, err, json);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** What a command other than {@code run} came to. */
  record Outcome(int exitCode, String out, String err) {}

  /** Runs {@code ./pipeline} with these arguments to its end. */
  static Outcome command(Path directory, String... arguments) {
    try {
      return command(directory, Files.createTempFile(directory, "command", ".out"), arguments);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** The same with another file as its standard output. */
  static Outcome command(Path directory, Path out, String... arguments) {
    try {
      Path err = Files.createTempFile(directory, "command", ".err");
      Process process = command(Redirect.to(out.toFile()), Redirect.to(err.toFile()), arguments);
      if (!process.waitFor(LIMIT.toSeconds(), TimeUnit.SECONDS)) {
        process.destroyForcibly();
        throw new AssertionError("has not ended within the watchdog's time: " + List.of(arguments));
      }
      String printed = Files.isRegularFile(out) ? Files.readString(out) : "";
      return new Outcome(process.exitValue(), printed, Files.readString(err));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  /** Starts {@code ./pipeline} with these arguments, and leaves it to itself. */
  static Process startCommand(String... arguments) throws IOException {
    return command(Redirect.DISCARD, Redirect.DISCARD, arguments);
  }

  private static Process command(Redirect out, Redirect err, String... arguments)
      throws IOException {
    List<String> command = new ArrayList<>(List.of(HOME.resolve("pipeline").toString()));
    command.addAll(List.of(arguments));
    return new ProcessBuilder(command).redirectOutput(out).redirectError(err).start();
  }

  Process process() {
    return process;
  }

  /** Waits for the end; returns the exit code. */
  int awaitExit() throws InterruptedException {
    assertThat(process.waitFor(LIMIT.toSeconds(), TimeUnit.SECONDS))
        .as("ended within the watchdog's time; it printed:%n%s", err())
        .isTrue();
    return process.exitValue();
  }

  /** Sends SIGTERM, SIGINT or SIGKILL, by name. */
  void signal(String name) {
    signal(process.pid(), name);
  }

  static void signal(long pid, String name) {
    kill(name, Stream.of(pid));
  }

  /** Signals several processes by one command, so that none sees another one's end. */
  static void signal(List<ProcessHandle> processes, String name) {
    kill(name, processes.stream().map(ProcessHandle::pid));
  }

  private static void kill(String name, Stream<Long> pids) {
    // The shell's own: the program is missing where the package procps is.
    List<String> command = new ArrayList<>(List.of("sh", "-c", "kill -s \"$0\" \"$@\"", name));
    pids.map(pid -> Long.toString(pid)).forEach(command::add);
    try {
      Process kill = new ProcessBuilder(command).start();
      assertThat(kill.waitFor(LIMIT.toSeconds(), TimeUnit.SECONDS)).isTrue();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** The command and the processes that it has now. */
  List<ProcessHandle> tree() {
    return Stream.concat(process.descendants(), Stream.of(process.toHandle())).toList();
  }

  /** The processes that this run has now whose command line names a class like this. */
  List<ProcessHandle> processes(String mainClass) {
    return process
        .descendants()
        .filter(handle -> handle.info().commandLine().orElse("").contains("." + mainClass))
        .toList();
  }

  /** The services of a stage. */
  List<ProcessHandle> services(Stage stage) {
    String label = stage.label();
    return processes(
        label.substring(0, 1).toUpperCase(Locale.ROOT) + label.substring(1) + "Service");
  }

  /** The run's /dev/shm, as seen from here. */
  Path sharedMemory() {
    return sharedMemory;
  }

  Path runDirectory() {
    return sharedMemory.resolve("frame-pipeline-" + process.pid());
  }

  Path aeronDirectory() {
    return LocalRun.aeronDirectory(runDirectory());
  }

  /** An instance's figures, as soon as it has made them. */
  StageStats stats(Stage stage) {
    return await()
        .atMost(LIMIT)
        .until(
            () ->
                services(stage).stream()
                    .map(this::findStats)
                    .filter(Objects::nonNull)
                    .findFirst()
                    .orElse(null),
            stats -> stats != null && stats.counter(Figure.METRICS_PORT).get() > 0);
  }

  /** A certain instance's figures. */
  StageStats stats(ProcessHandle service) {
    return await().atMost(LIMIT).until(() -> findStats(service), Objects::nonNull);
  }

  /** A certain instance's figures; null if it has not made them. */
  StageStats findStats(ProcessHandle service) {
    return new FiguresDirectory(aeronDirectory())
        .look().instances().stream()
            .map(InstanceFigures::stats)
            .filter(stats -> stats.counter(Figure.PID).get() == service.pid())
            .findFirst()
            .orElse(null);
  }

  /** Waits until so many frames have been acknowledged. */
  void awaitAcknowledged(long frames) {
    StageStats reader = stats(Stage.READER);
    await()
        .atMost(LIMIT)
        .until(
            () -> reader.ledger.read().framesAcknowledged(),
            acknowledged -> acknowledged >= frames);
  }

  /** Waits until so many more frames have been acknowledged than now. */
  void awaitFurtherAcknowledged(long frames) {
    awaitAcknowledged(stats(Stage.READER).ledger.read().framesAcknowledged() + frames);
  }

  List<String> out() throws IOException {
    return Files.readAllLines(out);
  }

  String err() {
    try {
      return Files.readString(err);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  JsonNode report() {
    return JsonMapper.shared().readTree(json.toFile());
  }

  /** Checks what must hold whatever happened to the services: everything read was acknowledged. */
  void assertNothingLost(long framesRead) {
    JsonNode report = report();
    assertThat(report.get("framesRead").asLong()).isEqualTo(framesRead);
    assertThat(report.get("framesAcknowledged").asLong()).isEqualTo(framesRead);
    assertThat(report.get("framesInFlight").asLong()).isZero();
    assertThat(report.get("framesAbandoned").asLong()).isZero();
    assertThat(report.get("framesLost").asLong()).isZero();
    assertThat(report.get("bytesRead").asLong()).isEqualTo(framesRead * 4096);
  }

  /**
   * Has the run drain, and checks that it ends in peace and that everything read was acknowledged.
   */
  void assertDrains() throws InterruptedException {
    signal("TERM");
    assertThat(awaitExit()).isZero();
    assertNothingLost(report().get("framesRead").asLong());
  }

  /** Whether neither a file in shared memory nor a process of this run is left. */
  boolean isGone(List<ProcessHandle> processes) {
    return !Files.exists(runDirectory()) && processes.stream().noneMatch(ProcessHandle::isAlive);
  }

  @Override
  public void close() {
    if (process.isAlive()) {
      List<ProcessHandle> processes = tree();
      process.destroyForcibly();
      // What a failed test left stopped could not see the command's death.
      signal(processes, "CONT");
      await().atMost(LIMIT).until(() -> isGone(processes));
    }
  }

  @Override
  public String toString() {
    return directory.toString();
  }
}
