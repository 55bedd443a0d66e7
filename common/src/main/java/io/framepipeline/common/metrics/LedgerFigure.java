package io.framepipeline.common.metrics;

import io.framepipeline.common.wire.Frames;
import java.util.function.ToDoubleFunction;

/** The figures of a reader's {@link Ledger}, as Prometheus sees them. */
enum LedgerFigure {
  READ("pipeline.frames.read", "Frames read from the source", null, Ledger.Entry::framesRead),
  BYTES_READ(
      "pipeline.read",
      "Bytes of the frames read from the source",
      "bytes",
      entry -> (double) entry.framesRead() * Frames.BYTE_PAYLOAD_LENGTH),
  ACKNOWLEDGED(
      "pipeline.frames.acknowledged",
      "Frames whose norm came and, if results are, was written; each once",
      null,
      Ledger.Entry::framesAcknowledged),
  REDELIVERED(
      "pipeline.frames.redelivered",
      "Deliveries beyond a frame's first",
      null,
      Ledger.Entry::framesRedelivered),
  ABANDONED(
      "pipeline.frames.abandoned",
      "Frames given up after too many deliveries",
      null,
      Ledger.Entry::framesAbandoned),
  RETURNED(
      "pipeline.frames.returned",
      "Frames that went back to Kafka, for another reader to compute",
      null,
      Ledger.Entry::framesReturned),
  IN_FLIGHT(
      "pipeline.frames.in.flight",
      "Frames retained until they are completed",
      null,
      Ledger.Entry::framesInFlight);

  final String metric;
  final String description;
  final String unit;

  @SuppressWarnings("ImmutableEnumChecker") // they capture nothing
  final ToDoubleFunction<Ledger.Entry> value;

  LedgerFigure(
      String metric, String description, String unit, ToDoubleFunction<Ledger.Entry> value) {
    this.metric = metric;
    this.description = description;
    this.unit = unit;
    this.value = value;
  }

  /** Whether the figure can decrease. */
  boolean isGauge() {
    return this == IN_FLIGHT;
  }
}
