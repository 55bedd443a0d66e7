package io.framepipeline.common.metrics;

import io.aeron.AeronCounters;
import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.binder.MeterBinder;
import java.util.function.Supplier;
import org.agrona.concurrent.status.CountersReader;

/**
 * Binds the counters of the media driver that a client is connected to. Every client of a driver
 * shows the same figures: aggregate them with {@code max}, not with {@code sum}.
 */
public final class AeronMetrics implements MeterBinder {
  private final Supplier<CountersReader> counters;

  /**
   * @param counters the counters of the present connection, or null while there is none; figures
   *     are then NaN
   */
  public AeronMetrics(Supplier<CountersReader> counters) {
    this.counters = counters;
  }

  @Override
  public void bindTo(MeterRegistry registry) {
    counter(
        registry,
        "aeron.errors",
        "Distinct errors in the media driver's log",
        AeronCounters.SYSTEM_COUNTER_ID_ERRORS);
    counter(
        registry,
        "aeron.client.timeouts",
        "Clients that the media driver has evicted",
        AeronCounters.SYSTEM_COUNTER_ID_CLIENT_TIMEOUTS);
    counter(
        registry,
        "aeron.unblocked.publications",
        "Publications freed of a half-made claim of a dead client",
        AeronCounters.SYSTEM_COUNTER_ID_UNBLOCKED_PUBLICATIONS);
    counter(
        registry,
        "aeron.unblocked.commands",
        "Half-made commands of dead clients to the media driver",
        AeronCounters.SYSTEM_COUNTER_ID_UNBLOCKED_COMMANDS);
    counter(
        registry,
        "aeron.conductor.cycle.threshold.exceeded",
        "Duty cycles of the media driver's conductor that took too long",
        AeronCounters.SYSTEM_COUNTER_ID_CONDUCTOR_CYCLE_TIME_THRESHOLD_EXCEEDED);
    Gauge.builder(
            "aeron.mapped",
            this,
            self -> self.system(AeronCounters.SYSTEM_COUNTER_ID_BYTES_CURRENTLY_MAPPED))
        .description("Bytes that the media driver has mapped")
        .baseUnit("bytes")
        .register(registry);
    Gauge.builder(
            "aeron.conductor.max.cycle",
            this,
            self -> self.system(AeronCounters.SYSTEM_COUNTER_ID_CONDUCTOR_MAX_CYCLE_TIME) / 1e9)
        .description("Longest duty cycle of the media driver's conductor")
        .baseUnit("seconds")
        .register(registry);
    Gauge.builder(
            "aeron.publications",
            this,
            self -> self.ofType(AeronCounters.DRIVER_PUBLISHER_LIMIT_TYPE_ID))
        .description("Publications of all clients")
        .register(registry);
    Gauge.builder(
            "aeron.subscribers",
            this,
            self -> self.ofType(AeronCounters.DRIVER_SUBSCRIBER_POSITION_TYPE_ID))
        .description("Subscriptions attached to a publication, of all clients")
        .register(registry);
    Gauge.builder("aeron.publications.backpressured", this, AeronMetrics::backPressured)
        .description("Publications that have no room at this moment")
        .register(registry);
  }

  private void counter(MeterRegistry registry, String name, String description, int id) {
    FunctionCounter.builder(name, this, self -> self.system(id))
        .description(description)
        .register(registry);
  }

  /** System counters have fixed ids. */
  private double system(int id) {
    CountersReader reader = counters.get();
    return reader == null ? Double.NaN : reader.getCounterValue(id);
  }

  private double ofType(int typeId) {
    return count((reader, counterId) -> reader.getCounterTypeId(counterId) == typeId);
  }

  /** A publication's position and limit have the same registration id. */
  private double backPressured() {
    return count(
        (reader, counterId) -> {
          if (reader.getCounterTypeId(counterId) != AeronCounters.DRIVER_PUBLISHER_LIMIT_TYPE_ID) {
            return false;
          }
          int position =
              reader.findByTypeIdAndRegistrationId(
                  AeronCounters.DRIVER_PUBLISHER_POS_TYPE_ID,
                  reader.getCounterRegistrationId(counterId));
          return position != CountersReader.NULL_COUNTER_ID
              && reader.getCounterValue(position) >= reader.getCounterValue(counterId)
              && reader.getCounterValue(counterId) > 0;
        });
  }

  @FunctionalInterface
  private interface CounterFilter {
    boolean test(CountersReader reader, int counterId);
  }

  private double count(CounterFilter filter) {
    CountersReader reader = counters.get();
    if (reader == null) {
      return Double.NaN;
    }
    int count = 0;
    for (int id = 0, max = reader.maxCounterId(); id <= max; id++) {
      if (reader.getCounterState(id) == CountersReader.RECORD_ALLOCATED
          && filter.test(reader, id)) {
        count++;
      }
    }
    return count;
  }
}
