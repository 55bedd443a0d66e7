package io.framepipeline.launcher;

import io.framepipeline.common.config.Settings;
import io.framepipeline.common.topology.Stage;
import java.nio.file.Path;
import java.util.EnumMap;
import java.util.Map;
import java.util.TreeMap;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.ISetter;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Option;

/**
 * The options of {@code ./pipeline run}. Options that are a service's settings are passed on to it.
 */
final class RunOptions {
  private static final int MAX_INSTANCES = 64;

  private final Map<Stage, Integer> instances = new EnumMap<>(Stage.class);

  enum Print {
    NONE(""),
    ALL("-");

    /** The value of {@code READER_RESULTS}. */
    private final String target;

    Print(String target) {
      this.target = target;
    }
  }

  @Mixin SourceOptions source;

  @Option(
      names = "--repeat",
      description =
          "Read a regular file from its start again at its end. Default: READER_REPEAT, else not.")
  boolean repeat;

  @Option(
      names = "--duration",
      paramLabel = "S",
      description = "Stop reading S seconds after the first frame.")
  Double durationSeconds;

  @Option(
      names = "--print",
      paramLabel = "none|all",
      description =
          "all: each norm on standard output, in order, as 'reader sequence norm'. Default:"
              + " READER_RESULTS, else none.")
  Print print;

  @Option(
      names = "--results",
      paramLabel = "FILE",
      description =
          "Write each norm to FILE, in order: as an array if it ends in .npy, else as --print all does. Replaces FILE."
              + " kafka:TOPIC: write each to a topic, as a record.")
  String results;

  @Option(
      names = "--json",
      paramLabel = "FILE",
      description = "Write the final report to FILE, as one JSON object.")
  Path json;

  @Option(
      names = "--page",
      paramLabel = "PORT|off",
      description = "The port of the live view on 127.0.0.1. Default: any free one.")
  String page = "0";

  /**
   * Checks how many instances of a stage are asked for.
   *
   * @param name of the option or stage that asks for them
   */
  static void checkInstances(String name, int count) {
    if (count < 1 || count > MAX_INSTANCES) {
      throw Settings.malformed(name, Integer.toString(count), "from 1 to " + MAX_INSTANCES);
    }
  }

  /** Adds an option for each stage that sets its number of instances. */
  static void addTo(CommandSpec run) {
    RunOptions options = ((RunCommand) run.userObject()).options();
    for (Stage stage : Stage.ALL) {
      run.addOption(
          OptionSpec.builder("--" + stage.plural())
              .paramLabel("N")
              .type(Integer.class)
              .defaultValue("1")
              .description(
                  stage.isFirst()
                      ? "Reader instances, each with the whole source to itself. Default: 1."
                      : "Instances of the stage, which share the frames. Default: 1.")
              .setter(
                  new ISetter() {
                    @Override
                    public <T> T set(T count) {
                      options.instances.put(stage, (Integer) count);
                      return null;
                    }
                  })
              .build());
    }
  }

  /** How many instances of each stage. */
  Map<Stage, Integer> instances() {
    return instances;
  }

  int readers() {
    return instances.get(Stage.first());
  }

  /** The settings that were given as options. */
  Map<String, String> settings() {
    Map<String, String> settings = new TreeMap<>();
    source.putInto(settings);
    if (repeat) {
      settings.put("READER_REPEAT", "true");
    }
    String target = print == null ? results : print.target;
    if (target != null) {
      settings.put("READER_RESULTS", target);
    }
    return settings;
  }
}
