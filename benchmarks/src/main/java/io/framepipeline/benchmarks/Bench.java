package io.framepipeline.benchmarks;

import io.framepipeline.common.config.ExitCode;
import io.framepipeline.common.config.ExitException;
import java.nio.file.Path;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import tools.jackson.databind.SerializationFeature;
import tools.jackson.databind.json.JsonMapper;

/** {@code ./pipeline bench}: measures what docs/performance.md states, on this machine. */
@Command(
    name = "pipeline bench",
    description = "Measures the pipeline on this machine, in turns with what it is compared with.",
    mixinStandardHelpOptions = true)
public final class Bench implements Callable<Integer> {
  @Parameters(
      paramLabel = "SECTION",
      description = "what to measure: ${COMPLETION-CANDIDATES}; all if none is named")
  private Set<Section> sections = EnumSet.noneOf(Section.class);

  @Option(names = "--rounds", description = "turns of each, ${DEFAULT-VALUE} if not given")
  private int rounds = 5;

  @Option(names = "--seconds", description = "of each measurement, ${DEFAULT-VALUE} if not given")
  private int seconds = 4;

  @Option(names = "--json", paramLabel = "FILE", description = "writes all figures to FILE")
  private Path json;

  private Bench() {}

  public static void main(String[] args) {
    System.exit(
        new CommandLine(new Bench())
            .setCaseInsensitiveEnumValuesAllowed(true)
            .setExecutionExceptionHandler(Bench::onException)
            .execute(args));
  }

  @Override
  public Integer call() {
    if (rounds < 1 || seconds < 1) {
      throw new ExitException(ExitCode.USAGE, "--rounds and --seconds must be 1 or more");
    }
    Map<String, List<Series>> results = new LinkedHashMap<>();
    Measurements measurements =
        new Measurements(Path.of(System.getProperty("pipeline.home")), rounds, seconds);
    for (Section section : sections.isEmpty() ? EnumSet.allOf(Section.class) : sections) {
      System.out.println(section.title());
      List<Series> measured = section.measure(measurements);
      measured.forEach(series -> System.out.println("  " + line(series, measured)));
      results.put(section.name().toLowerCase(Locale.ROOT), measured);
    }
    if (json != null) {
      JsonMapper.builder()
          .enable(SerializationFeature.INDENT_OUTPUT)
          .build()
          .writeValue(json.toFile(), results);
    }
    return ExitCode.OK;
  }

  /** Rates with their ratio to the section's first one, which is what they are compared with. */
  private static String line(Series series, List<Series> measured) {
    Series reference = measured.getFirst();
    return series.equals(reference)
            || !reference.unit().equals(Measurements.FRAMES_PER_SECOND)
            || !series.unit().equals(reference.unit())
        ? series.toString()
        : String.format(Locale.ROOT, "%s   %.2f of the first", series, series.ratioTo(reference));
  }

  private static int onException(
      Exception e, CommandLine commandLine, CommandLine.ParseResult parsed) {
    if (e instanceof ExitException exit) {
      System.err.println("pipeline bench: " + exit.getMessage());
      return exit.exitCode();
    }
    e.printStackTrace();
    return ExitCode.INTERNAL;
  }
}
