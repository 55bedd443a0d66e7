package io.framepipeline.benchmarks;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * One figure, measured several times in turn with others.
 *
 * @param name what was measured
 * @param unit of the values
 * @param values one a round
 */
record Series(String name, String unit, List<Double> values) {
  Series(String name, String unit) {
    this(name, unit, new ArrayList<>());
  }

  void add(double value) {
    values.add(value);
  }

  double median() {
    List<Double> sorted = values.stream().sorted().toList();
    int middle = sorted.size() / 2;
    return sorted.size() % 2 == 1
        ? sorted.get(middle)
        : (sorted.get(middle - 1) + sorted.get(middle)) / 2;
  }

  double min() {
    return values.stream().mapToDouble(Double::doubleValue).min().orElse(Double.NaN);
  }

  double max() {
    return values.stream().mapToDouble(Double::doubleValue).max().orElse(Double.NaN);
  }

  /** The median of the rounds' ratios, since a machine drifts from one round to the next. */
  double ratioTo(Series reference) {
    Series ratios = new Series("ratio", "");
    for (int i = 0; i < values.size(); i++) {
      ratios.add(values.get(i) / reference.values.get(i));
    }
    return ratios.median();
  }

  @Override
  public String toString() {
    return String.format(
        Locale.ROOT,
        "%-54s %14s %-10s %s to %s",
        name,
        number(median()),
        unit,
        number(min()),
        number(max()));
  }

  private static String number(double value) {
    return String.format(Locale.ROOT, Math.abs(value) < 100 ? "%.2f" : "%,.0f", value);
  }
}
