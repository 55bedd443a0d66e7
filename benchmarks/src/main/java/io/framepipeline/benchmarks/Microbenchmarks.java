package io.framepipeline.benchmarks;

import io.framepipeline.common.config.ExitCode;
import io.framepipeline.common.config.ExitException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;
import org.openjdk.jmh.infra.BenchmarkParams;
import org.openjdk.jmh.profile.GCProfiler;
import org.openjdk.jmh.results.Result;
import org.openjdk.jmh.results.RunResult;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.RunnerException;
import org.openjdk.jmh.runner.options.OptionsBuilder;
import org.openjdk.jmh.runner.options.TimeValue;
import org.openjdk.jmh.runner.options.VerboseMode;

/** Every JMH benchmark, in JVMs with the options of the services. */
final class Microbenchmarks {
  private static final String ALLOCATED = "gc.alloc.rate.norm";

  private Microbenchmarks() {}

  /** For each benchmark nanoseconds and allocated bytes, one value a JVM. */
  static List<Series> run(Path home, int jvms) {
    try {
      List<Series> all = new ArrayList<>();
      Collection<RunResult> results =
          new Runner(
                  new OptionsBuilder()
                      .include("io\\.framepipeline\\..*Benchmark")
                      .forks(jvms)
                      .warmupIterations(3)
                      .warmupTime(TimeValue.seconds(1))
                      .measurementIterations(1)
                      .measurementTime(TimeValue.seconds(1))
                      .addProfiler(GCProfiler.class)
                      .jvmArgs(
                          "@" + home.resolve("config/jvm.options"),
                          "@" + home.resolve("config/vector.options"),
                          // JMH's own use of what the JVM warns of.
                          "--sun-misc-unsafe-memory-access=allow")
                      // Or one that throws would be left out, without a word.
                      .shouldFailOnError(true)
                      .verbosity(VerboseMode.SILENT)
                      .build())
              .run();
      for (RunResult result : results) {
        String name = name(result.getParams());
        Series nanos = new Series(name, "ns");
        Series bytes = new Series(name + ", allocated", "bytes");
        result
            .getBenchmarkResults()
            .forEach(
                jvm -> {
                  nanos.add(jvm.getPrimaryResult().getScore());
                  Result<?> allocated = jvm.getSecondaryResults().get(ALLOCATED);
                  bytes.add(allocated.getScore());
                });
        all.add(nanos);
        all.add(bytes);
      }
      return all;
    } catch (RunnerException e) {
      throw new ExitException(ExitCode.INTERNAL, "JMH: " + reason(e));
    }
  }

  /** What a benchmark threw, which JMH wraps, or else what JMH says. */
  private static String reason(RunnerException e) {
    return Stream.iterate((Throwable) e, Objects::nonNull, Microbenchmarks::within)
        .reduce(e, (outer, inner) -> inner)
        .toString();
  }

  private static Throwable within(Throwable e) {
    return e.getSuppressed().length > 0 ? e.getSuppressed()[0] : e.getCause();
  }

  private static String name(BenchmarkParams benchmark) {
    return name(
        benchmark.getBenchmark(),
        benchmark.getParamsKeys().stream()
            .map(key -> key + "=" + benchmark.getParam(key))
            .toList());
  }

  /** Such as {@code ResultsBenchmark.write(format=npy)}: no two benchmarks have the same name. */
  static String name(String method, List<String> parameters) {
    String className = method.substring(0, method.lastIndexOf('.'));
    String name = method.substring(className.lastIndexOf('.') + 1);
    return parameters.isEmpty() ? name : "%s(%s)".formatted(name, String.join(", ", parameters));
  }
}
