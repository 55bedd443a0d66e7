package io.framepipeline.launcher;

import io.framepipeline.common.config.ExitCode;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code ./pipeline status}: shows the state of a running pipeline. */
@Command(
    name = "status",
    header = "Shows the instances of a running pipeline, and its ledger.",
    synopsisHeading = "%nUsage: ",
    description =
        "Shows each instance with its process id, its uptime and its rate over the last second or two,"
            + " and the ledger of all readers so far.%n",
    customSynopsis = "./pipeline status [OPTION...]%n",
    usageHelpWidth = 100,
    sortOptions = false,
    mixinStandardHelpOptions = true)
final class StatusCommand implements Callable<Integer> {
  @Option(names = "--json", description = "Print one JSON object instead.")
  private boolean isJson;

  @Mixin private RunSelection selection;

  @Override
  public Integer call() {
    RunStatus status = new ControlClient(selection.find()).ask(ControlRequest.STATUS);
    System.out.println(isJson ? status.toJson() : status);
    return ExitCode.OK;
  }
}
