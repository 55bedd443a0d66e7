package io.framepipeline.launcher;

import io.framepipeline.common.config.ExitCode;
import io.framepipeline.common.config.ExitException;
import io.framepipeline.common.topology.Stage;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.EnumMap;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Parameters;

/** {@code ./pipeline scale}: changes how many instances the stages of a running pipeline have. */
@Command(
    name = "scale",
    header = "Starts or ends instances of a running pipeline.",
    synopsisHeading = "%nUsage: ",
    description = {
      "Starts instances, or has the newest ones hand on what they have and end, and waits until the"
          + " stages are as asked. No frame is lost, and none is sent again.%n",
      "A new reader opens the source afresh. Ctrl-C ends the waiting; the pipeline goes on with"
          + " what it was asked.%n"
    },
    customSynopsis = "./pipeline scale STAGE=N [STAGE=N...] [OPTION...]%n",
    usageHelpWidth = 100,
    sortOptions = false,
    mixinStandardHelpOptions = true)
final class ScaleCommand implements Callable<Integer> {
  private static final Duration POLL = Duration.ofMillis(100);

  @Parameters(
      arity = "1..*",
      paramLabel = "STAGE=N",
      description = "reader, reciprocal or norm, and how many instances it shall have, 1 to 64.")
  private Map<Stage, Integer> instances;

  @Mixin private RunSelection selection;

  @Override
  public Integer call() throws IOException, InterruptedException {
    instances.forEach((stage, count) -> RunOptions.checkInstances(stage.label(), count));
    Path run = selection.find();
    new ScaleRequests(run).ask(instances, () -> RunDirectory.running().contains(run));
    RunStatus status = RunStatus.read(run);
    while (!isSettled(status)) {
      Thread.sleep(POLL);
      status = RunStatus.read(run);
    }
    print(status.stages());
    return ExitCode.OK;
  }

  private boolean isSettled(RunStatus status) {
    return instances.keySet().stream().allMatch(stage -> status.stages().get(stage).isSettled());
  }

  private void print(Map<Stage, StageStatus> stages) {
    new EnumMap<>(instances)
        .forEach(
            (stage, count) -> {
              int running = stages.get(stage).running();
              if (running != count) {
                throw new ExitException(
                    ExitCode.USAGE,
                    "%s=%s: %s running; see what the run says: inputs ended, one was refused, or the run was told otherwise"
                        .formatted(stage.label(), count, running));
              }
              System.out.println(stage.label() + ": " + running + " running");
            });
  }
}
