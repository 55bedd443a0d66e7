package io.framepipeline.launcher;

import io.framepipeline.common.config.ExitCode;
import io.framepipeline.common.service.LocalRun;
import io.framepipeline.console.Monitor;
import io.framepipeline.console.PipelineState;
import io.framepipeline.console.PipelineText;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import tools.jackson.databind.json.JsonMapper;

/** {@code ./pipeline top}: the live view in a terminal. */
@Command(
    name = "top",
    header = "Shows what a running pipeline does, once a second.",
    synopsisHeading = "%nUsage: ",
    description =
        "Shows each stage with its instances, in the order in which frames flow, what each did in"
            + " the last second, and the ledger. In a terminal the lines stay in place. Ends with"
            + " the run, or by Ctrl-C.%n",
    customSynopsis = "./pipeline top [OPTION...]%n",
    usageHelpWidth = 100,
    sortOptions = false,
    mixinStandardHelpOptions = true)
final class TopCommand implements Callable<Integer> {
  @Option(names = "--once", description = "Show one second, and end.")
  private boolean isOnce;

  @Option(names = "--json", description = "Print one JSON object a second, a line each.")
  private boolean isJson;

  @Mixin private RunSelection selection;

  @Override
  public Integer call() {
    Path run = selection.find();
    Monitor monitor = new Monitor(LocalRun.aeronDirectory(run));
    Screen screen = new Screen(System.out);
    monitor.look();
    do {
      awaitSecond(monitor);
      PipelineState state = monitor.state();
      if (isJson) {
        System.out.println(JsonMapper.shared().writeValueAsString(state));
      } else if (isOnce) {
        System.out.print(PipelineText.of(state));
      } else {
        screen.show(PipelineText.of(state));
      }
    } while (!isOnce && Files.exists(run) && !System.out.checkError());
    return ExitCode.OK;
  }

  /** What the pipeline does in the second that follows. */
  static String text(Path run) {
    Monitor monitor = new Monitor(LocalRun.aeronDirectory(run));
    monitor.look();
    awaitSecond(monitor);
    return PipelineText.of(monitor.state());
  }

  private static void awaitSecond(Monitor monitor) {
    long startNanos = System.nanoTime();
    while (System.nanoTime() - startNanos < TimeUnit.SECONDS.toNanos(1)) {
      LockSupport.parkNanos(Monitor.INTERVAL_NANOS);
      monitor.look();
    }
  }
}
