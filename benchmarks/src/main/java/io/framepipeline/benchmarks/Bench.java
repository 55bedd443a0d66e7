package io.framepipeline.benchmarks;

import io.framepipeline.common.config.ExitCode;
import io.framepipeline.common.config.Settings;
import io.framepipeline.launcher.JsonFile;
import io.framepipeline.launcher.Pipeline;
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

  @Option(
      names = "--rounds",
      paramLabel = "N",
      description = "rounds of each measurement, ${DEFAULT-VALUE} if not given")
  private int rounds = 5;

  @Option(
      names = "--seconds",
      paramLabel = "N",
      description = "length of a round, ${DEFAULT-VALUE} if not given")
  private int seconds = 4;

  @Option(names = "--json", paramLabel = "FILE", description = "writes all figures to FILE")
  private Path json;

  private Bench() {}

  public static void main(String[] args) {
    Runtime.getRuntime().addShutdownHook(new Thread(Turns::endChildren));
    System.exit(Pipeline.execute(commandLine(), args));
  }

  static CommandLine commandLine() {
    return Pipeline.commandLine(new Bench());
  }

  @Override
  public Integer call() {
    check();
    Map<String, List<Series>> results = new LinkedHashMap<>();
    Measurements measurements =
        new Measurements(Path.of(System.getProperty("pipeline.home")), rounds, seconds);
    for (Section section : sections.isEmpty() ? EnumSet.allOf(Section.class) : sections) {
      System.out.println(section.title());
      List<Series> measured = section.measure(measurements);
      measured.forEach(series -> System.out.println("  " + line(series, measured)));
      results.put(section.name().toLowerCase(Locale.ROOT), measured);
      if (json != null) {
        // After each section: what is measured is kept, whatever becomes of the next one.
        JsonFile.write(json, results);
      }
    }
    return ExitCode.OK;
  }

  /** Finds what can be wrong before anything is measured, which takes long. */
  private void check() {
    checkPositive("--rounds", rounds);
    checkPositive("--seconds", seconds);
    if (json != null) {
      JsonFile.check(json);
    }
  }

  private static void checkPositive(String option, int value) {
    if (value < 1) {
      throw Settings.malformed(option, Integer.toString(value), "1 or more");
    }
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
}
