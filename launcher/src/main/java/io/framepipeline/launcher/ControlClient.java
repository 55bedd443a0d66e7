package io.framepipeline.launcher;

import io.framepipeline.common.config.ExitCode;
import io.framepipeline.common.config.ExitException;
import java.io.IOException;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import java.time.Duration;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.json.JsonMapper;

/** Sends requests to the command that owns a run directory. */
final class ControlClient {
  /** Longer than another client may keep the server busy. */
  private static final Duration LIMIT = Duration.ofSeconds(30);

  private static final int MAX_ANSWER_BYTES = 1 << 20;

  private final Path runDirectory;

  ControlClient(Path runDirectory) {
    this.runDirectory = runDirectory;
  }

  /**
   * Sends a request and waits for the answer.
   *
   * @throws ExitException if the request is refused, or if there is no answer
   */
  RunStatus ask(ControlRequest request) {
    // Encoded before connecting, since this may take seconds in a JVM that has just started.
    String line = JsonMapper.shared().writeValueAsString(request);
    ControlAnswer answer;
    try (SocketChannel channel = SocketChannel.open(RunDirectory.control(runDirectory));
        LineChannel lines = new LineChannel(channel, LIMIT)) {
      lines.write(line);
      answer = JsonMapper.shared().readValue(lines.read(MAX_ANSWER_BYTES), ControlAnswer.class);
    } catch (IOException | JacksonException e) {
      throw new ExitException(
          ExitCode.USAGE,
          "%s: the run has ended or does not answer: %s".formatted(runDirectory, e.getMessage()));
    }
    if (answer.status() == null) {
      throw new ExitException(answer.exitCode(), answer.line());
    }
    return answer.status();
  }
}
