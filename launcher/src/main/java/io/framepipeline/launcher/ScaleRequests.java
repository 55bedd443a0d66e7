package io.framepipeline.launcher;

import io.framepipeline.common.config.ExitCode;
import io.framepipeline.common.config.ExitException;
import io.framepipeline.common.topology.Stage;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.NoSuchElementException;
import java.util.Scanner;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;

/**
 * Requests to scale a run, as files in its directory, which only its user may enter: a command
 * writes how many instances it wants, and the run answers with a file beside it.
 */
final class ScaleRequests {
  private static final long POLL_NANOS = TimeUnit.MILLISECONDS.toNanos(50);

  private static final String REQUEST = ".scale";
  private static final String ANSWER = ".answer";

  private final Path directory;

  /** To requests that are taken and not answered yet. */
  private final Map<Path, String> answers = new LinkedHashMap<>();

  ScaleRequests(Path runDirectory) {
    this.directory = runDirectory;
  }

  /**
   * Takes what has been asked since the last call.
   *
   * @param handler does what is asked, or throws an {@link ExitException}
   */
  void take(Consumer<Map<Stage, Integer>> handler) throws IOException {
    for (Path request : requests()) {
      if (!answers.containsKey(request)) {
        answers.put(request, answer(request, handler));
      }
    }
  }

  /** Answers what was taken. If memory is full, the answers left are for the next call. */
  void answer() throws IOException {
    for (Iterator<Path> requests = answers.keySet().iterator(); requests.hasNext(); ) {
      Path request = requests.next();
      RunFile.replace(answerTo(request), answers.get(request));
      Files.delete(request);
      requests.remove();
    }
  }

  /**
   * Asks the run, and waits for its answer.
   *
   * @param isRunning whether the run is still there to answer
   * @throws ExitException if the run refuses or has ended
   */
  void ask(Map<Stage, Integer> instances, BooleanSupplier isRunning) throws IOException {
    Path request = directory.resolve(UUID.randomUUID() + REQUEST);
    Path file = answerTo(request);
    StringBuilder words = new StringBuilder();
    instances.forEach((stage, count) -> words.append(stage).append(' ').append(count).append(' '));
    RunFile.replace(request, words.toString());
    while (!Files.exists(file)) {
      if (!isRunning.getAsBoolean()) {
        throw new ExitException(ExitCode.USAGE, directory + ": the run has ended");
      }
      LockSupport.parkNanos(POLL_NANOS);
    }
    String[] answer = Files.readString(file).split(" ", 2);
    Files.delete(file);
    if (answer.length > 1) {
      throw new ExitException(Integer.parseInt(answer[0]), answer[1]);
    }
  }

  private List<Path> requests() throws IOException {
    List<Path> found = new ArrayList<>();
    try (DirectoryStream<Path> files = Files.newDirectoryStream(directory, "*" + REQUEST)) {
      files.forEach(found::add);
    }
    return found;
  }

  /** Returns "0", or an exit code for the asking command and why the run refuses. */
  private static String answer(Path request, Consumer<Map<Stage, Integer>> handler)
      throws IOException {
    Map<Stage, Integer> instances = new EnumMap<>(Stage.class);
    try (Scanner words = new Scanner(request, StandardCharsets.UTF_8)) {
      while (words.hasNext()) {
        instances.put(Stage.valueOf(words.next()), words.nextInt());
      }
      handler.accept(instances);
      return Integer.toString(ExitCode.OK);
    } catch (ExitException e) {
      return e.exitCode() + " " + e.getMessage();
    } catch (IllegalArgumentException | NoSuchElementException e) {
      return ExitCode.USAGE + " malformed request: must be like RECIPROCAL 2";
    }
  }

  private static Path answerTo(Path request) {
    String name = request.getFileName().toString();
    return request.resolveSibling(name.replace(REQUEST, ANSWER));
  }
}
