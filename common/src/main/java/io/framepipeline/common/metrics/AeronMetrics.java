package io.framepipeline.common.metrics;

import io.aeron.AeronCounters;
import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.binder.MeterBinder;
import java.util.function.Consumer;
import java.util.function.ToDoubleFunction;
import org.agrona.concurrent.status.CountersReader;

/**
 * Binds the counters of the media driver to which a client is connected. Every client of a driver
 * shows the same figures, so aggregate them with {@code max}, not with {@code sum}. Without a
 * connection the figures are NaN.
 *
 * <p>{@link #beforeScrape} copies them, because counters are mapped memory. If a scrape read them
 * while the client unmaps them, the process would crash.
 */
public final class AeronMetrics implements MeterBinder {
  /** Lends the counters of the present connection. */
  @FunctionalInterface
  public interface Counters {
    /**
     * Calls back with the counters, or with null while there is no connection. They stay mapped
     * only during the call.
     */
    void read(Consumer<CountersReader> reader);
  }

  private record Figures(
      double errors,
      double clientTimeouts,
      double unblockedPublications,
      double unblockedCommands,
      double longCycles,
      double maxCycleNanos,
      double bytesMapped,
      double publications,
      double subscribers,
      double backPressured) {
    static final Figures NONE =
        new Figures(
            Double.NaN,
            Double.NaN,
            Double.NaN,
            Double.NaN,
            Double.NaN,
            Double.NaN,
            Double.NaN,
            Double.NaN,
            Double.NaN,
            Double.NaN);

    /**
     * Reads the system counters, which have fixed ids, and counts those of publications and
     * subscriptions.
     */
    static Figures of(CountersReader counters) {
      int publications = 0;
      int subscribers = 0;
      int backPressured = 0;
      for (int id = 0, max = counters.maxCounterId(); id <= max; id++) {
        if (counters.getCounterState(id) == CountersReader.RECORD_ALLOCATED) {
          switch (counters.getCounterTypeId(id)) {
            case AeronCounters.DRIVER_PUBLISHER_LIMIT_TYPE_ID -> {
              publications++;
              backPressured += isBackPressured(counters, id) ? 1 : 0;
            }
            case AeronCounters.DRIVER_SUBSCRIBER_POSITION_TYPE_ID -> subscribers++;
            default -> {}
          }
        }
      }
      return new Figures(
          counters.getCounterValue(AeronCounters.SYSTEM_COUNTER_ID_ERRORS),
          counters.getCounterValue(AeronCounters.SYSTEM_COUNTER_ID_CLIENT_TIMEOUTS),
          counters.getCounterValue(AeronCounters.SYSTEM_COUNTER_ID_UNBLOCKED_PUBLICATIONS),
          counters.getCounterValue(AeronCounters.SYSTEM_COUNTER_ID_UNBLOCKED_COMMANDS),
          counters.getCounterValue(
              AeronCounters.SYSTEM_COUNTER_ID_CONDUCTOR_CYCLE_TIME_THRESHOLD_EXCEEDED),
          counters.getCounterValue(AeronCounters.SYSTEM_COUNTER_ID_CONDUCTOR_MAX_CYCLE_TIME),
          counters.getCounterValue(AeronCounters.SYSTEM_COUNTER_ID_BYTES_CURRENTLY_MAPPED),
          publications,
          subscribers,
          backPressured);
    }

    /** A publication's position and limit have the same registration id. */
    private static boolean isBackPressured(CountersReader counters, int limitId) {
      int positionId =
          counters.findByTypeIdAndRegistrationId(
              AeronCounters.DRIVER_PUBLISHER_POS_TYPE_ID,
              counters.getCounterRegistrationId(limitId));
      long limit = counters.getCounterValue(limitId);
      return positionId != CountersReader.NULL_COUNTER_ID
          && limit > 0
          && counters.getCounterValue(positionId) >= limit;
    }
  }

  private final Counters counters;
  private volatile Figures figures = Figures.NONE;

  AeronMetrics(Counters counters) {
    this.counters = counters;
  }

  /** Copies the figures of one moment. Call this before each scrape. */
  void beforeScrape() {
    counters.read(reader -> figures = reader == null ? Figures.NONE : Figures.of(reader));
  }

  @Override
  public void bindTo(MeterRegistry registry) {
    counter(registry, "errors", "Distinct errors in the media driver's log", Figures::errors);
    counter(
        registry,
        "client.timeouts",
        "Clients that the media driver has evicted",
        Figures::clientTimeouts);
    counter(
        registry,
        "unblocked.publications",
        "Publications freed of a half-made claim of a dead client",
        Figures::unblockedPublications);
    counter(
        registry,
        "unblocked.commands",
        "Half-made commands of dead clients to the media driver",
        Figures::unblockedCommands);
    counter(
        registry,
        "conductor.cycle.threshold.exceeded",
        "Duty cycles of the media driver's conductor that took too long",
        Figures::longCycles);
    gauge(registry, "mapped", "bytes", "What the media driver has mapped", Figures::bytesMapped);
    gauge(
        registry,
        "conductor.max.cycle",
        "seconds",
        "Longest duty cycle of the media driver's conductor",
        now -> now.maxCycleNanos() / 1e9);
    gauge(registry, "publications", null, "Publications of all clients", Figures::publications);
    gauge(
        registry,
        "subscribers",
        null,
        "Subscriptions attached to a publication, of all clients",
        Figures::subscribers);
    gauge(
        registry,
        "publications.backpressured",
        null,
        "Publications that have no room at this moment",
        Figures::backPressured);
  }

  private void counter(
      MeterRegistry registry, String name, String description, ToDoubleFunction<Figures> figure) {
    FunctionCounter.builder("aeron." + name, this, self -> figure.applyAsDouble(self.figures))
        .description(description)
        .register(registry);
  }

  private void gauge(
      MeterRegistry registry,
      String name,
      String unit,
      String description,
      ToDoubleFunction<Figures> figure) {
    Gauge.builder("aeron." + name, this, self -> figure.applyAsDouble(self.figures))
        .description(description)
        .baseUnit(unit)
        .register(registry);
  }
}
