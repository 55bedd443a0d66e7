package io.framepipeline.launcher;

import io.framepipeline.common.config.ExitCode;
import io.framepipeline.common.topology.Stage;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code ./pipeline status}: shows the state of a running pipeline. */
@Command(
    name = "status",
    header = "Shows the instances of a running pipeline, and its ledger.",
    synopsisHeading = "%nUsage: ",
    description =
        "Shows how many instances each stage has, what each instance does in the second that"
            + " follows, and the ledger of all readers so far.%n",
    customSynopsis = "./pipeline status [OPTION...]%n",
    usageHelpWidth = 100,
    sortOptions = false,
    mixinStandardHelpOptions = true)
final class StatusCommand implements Callable<Integer> {
  private static final class Form {
    @Option(names = "--json", description = "Print one JSON object instead.")
    private boolean isJson;

    @Option(
        names = "--targets",
        description =
            "Print where the metrics are instead, as a list for Prometheus' file_sd_configs.")
    private boolean isTargets;
  }

  @ArgGroup private Form form = new Form();

  @Mixin private RunSelection selection;

  @Override
  public Integer call() {
    Path run = selection.find();
    if (form.isJson) {
      System.out.println(RunStatus.read(run).toJson());
    } else if (form.isTargets) {
      System.out.print(MetricsTargets.read(run));
    } else {
      String lastSecond = TopCommand.text(run);
      RunStatus.read(run).stages().forEach(StatusCommand::print);
      System.out.print(lastSecond);
    }
    return ExitCode.OK;
  }

  private static void print(Stage stage, StageStatus status) {
    System.out.println(stage.label() + ": " + status);
  }
}
