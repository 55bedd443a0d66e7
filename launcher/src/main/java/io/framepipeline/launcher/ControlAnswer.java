package io.framepipeline.launcher;

import io.framepipeline.common.config.ExitCode;
import io.framepipeline.common.config.ExitException;

/**
 * What a running command answers: the status of its run, or why it refuses.
 *
 * @param exitCode for the asking command
 * @param line why it refuses; null if it does not
 * @param status null if it refuses
 */
record ControlAnswer(int exitCode, String line, RunStatus status) {
  static ControlAnswer of(RunStatus status) {
    return new ControlAnswer(ExitCode.OK, null, status);
  }

  static ControlAnswer refusal(ExitException e) {
    return new ControlAnswer(e.exitCode(), e.getMessage(), null);
  }
}
