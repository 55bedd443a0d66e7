package io.framepipeline.launcher;

import io.framepipeline.common.config.ExitCode;
import io.framepipeline.common.config.ExitException;
import io.framepipeline.common.config.Settings;
import java.nio.file.Path;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.TypeConversionException;

/** {@code ./pipeline}: runs the pipeline on this machine, without a container engine. */
@Command(
    name = "pipeline",
    description =
        "Reads a source in frames of 4096 bytes, turns each byte x into 1/(1+x), and computes each"
            + " frame's Frobenius norm as a 64x64 matrix. Three services and a media driver pass"
            + " the frames to each other through shared memory; each frame is counted once.%n",
    customSynopsis = "./pipeline COMMAND [OPTION...]",
    usageHelpWidth = 100,
    commandListHeading = "%nCommands:%n",
    subcommands = {
      RunCommand.class,
      ScaleCommand.class,
      StatusCommand.class,
      TopCommand.class,
      SendCommand.class
    },
    exitCodeListHeading = "%nExit codes:%n",
    exitCodeList = {
      "0:the ledger is closed, nothing was lost",
      "1:frames were lost or abandoned",
      "64:wrong usage or setting",
      "65:the input ends inside a frame",
      "66:no such input, or it cannot be read",
      "70:internal error",
      "71:a process cannot be started",
      "74:output cannot be written"
    },
    footer = {
      "",
      "Examples:",
      "  ./pipeline run                              /dev/urandom until Ctrl-C",
      "  ./pipeline run --frames 100000 --json r.json",
      "  ./pipeline run --source data.bin --print all > norms.txt",
      "  producer | ./pipeline run --source - --partial-frame pad",
      "  ./pipeline scale reciprocal=3 norm=2        of a running pipeline",
      "  ./pipeline top                              shows what it does",
      "  ./pipeline status --json | jq .ledger",
      "  ./pipeline send --source camera.fifo --to kafka:frames",
      "  ./pipeline run --source kafka:frames --results kafka:norms",
      "  ./pipeline bench                            measures it on this machine"
    },
    mixinStandardHelpOptions = true,
    version = "frame-pipeline 0.1.0")
public final class Pipeline {
  private Pipeline() {}

  public static void main(String[] args) {
    CommandLine commandLine = commandLine();
    System.exit(args.length == 0 ? usage(commandLine) : execute(commandLine, args));
  }

  /** Executes a command; returns its exit code, or that of what it could not print. */
  public static int execute(CommandLine commandLine, String... args) {
    try {
      int exitCode = commandLine.execute(args);
      if (!System.out.checkError() || exitCode != ExitCode.OK) {
        return exitCode;
      }
      System.err.println("pipeline: standard output cannot be written");
      return ExitCode.OUTPUT;
    } catch (OutOfMemoryError e) {
      // A full heap ends the JVM, see jvm.options. This error means that a thread could not be
      // started.
      System.err.println("pipeline: " + e.getMessage() + "; allow more processes or more memory");
      return ExitCode.START;
    }
  }

  static CommandLine commandLine() {
    CommandLine commandLine = commandLine(new Pipeline());
    RunOptions.addTo(commandLine.getSubcommands().get("run").getCommandSpec());
    return commandLine;
  }

  /** Turns arguments into a command, and what it throws into one line and an exit code. */
  public static CommandLine commandLine(Object command) {
    return new CommandLine(command)
        .registerConverter(Path.class, Pipeline::toPath)
        .setCaseInsensitiveEnumValuesAllowed(true)
        .setParameterExceptionHandler(Pipeline::onWrongUsage)
        .setExecutionExceptionHandler(Pipeline::onException);
  }

  private static Path toPath(String value) {
    try {
      return Settings.toPath("path", value);
    } catch (ExitException e) {
      throw new TypeConversionException(e.getMessage());
    }
  }

  private static int usage(CommandLine commandLine) {
    commandLine.usage(System.err);
    return ExitCode.USAGE;
  }

  private static int onWrongUsage(CommandLine.ParameterException e, String[] args) {
    String command = e.getCommandLine().getCommandSpec().qualifiedName();
    System.err.println(command + ": " + e.getMessage() + "; see ./" + command + " --help");
    return ExitCode.USAGE;
  }

  private static int onException(
      Exception e, CommandLine commandLine, CommandLine.ParseResult parsed) {
    if (e instanceof ExitException exit) {
      System.err.println(commandLine.getCommandSpec().qualifiedName() + ": " + exit.getMessage());
      return exit.exitCode();
    }
    e.printStackTrace();
    return ExitCode.INTERNAL;
  }
}
