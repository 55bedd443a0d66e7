package io.framepipeline.launcher;

import io.framepipeline.common.config.ExitCode;
import io.framepipeline.common.config.Settings;
import io.framepipeline.common.metrics.Ledger;
import io.framepipeline.common.wire.Frames;
import io.framepipeline.reader.FramesToKafka;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code ./pipeline send}: puts the frames of a source into a Kafka topic. */
@Command(
    name = "send",
    header = "Puts the frames of a source into a Kafka topic, for cells on other machines.",
    synopsisHeading = "%nUsage: ",
    description = {
      "Reads the source as 'run' does, and writes up to 16 frames a record. Each frame is written"
          + " once as long as this command lives; while no broker answers, it holds back the source."
          + " Ends with the ledger. Clients' properties are taken from the environment, such as"
          + " KAFKA_BOOTSTRAP_SERVERS.%n"
    },
    customSynopsis = "./pipeline send --to kafka:TOPIC [OPTION...]%n",
    usageHelpWidth = 100,
    sortOptions = false,
    mixinStandardHelpOptions = true)
final class SendCommand implements Callable<Integer> {
  @Option(
      names = "--to",
      paramLabel = "kafka:TOPIC",
      required = true,
      description = "The topic, which must exist.")
  private String to;

  @Mixin private SourceOptions source;

  private final Console console = new Console(System.err);
  private Ledger.Entry shown = Ledger.Entry.EMPTY;

  @Override
  public Integer call() {
    Map<String, String> environment = new HashMap<>(System.getenv());
    environment.put("READER_FRAMES_TO", to);
    environment.put("METRICS_PORT", "0");
    source.putInto(environment);
    int exitCode = FramesToKafka.run(new Settings(environment, new Properties()), true, this::show);
    console.print(
        String.format(
            Locale.ROOT,
            "ledger: read %,d = acknowledged %,d + in flight %,d",
            shown.framesRead(),
            shown.framesAcknowledged(),
            shown.framesInFlight()));
    return exitCode == ExitCode.STOPPED ? ExitCode.OK : exitCode;
  }

  private void show(Ledger.Entry now) {
    long frameCount = now.framesRead() - shown.framesRead();
    console.event(
        String.format(
            Locale.ROOT,
            "read %,d  %,.1f MB  in flight %,d",
            frameCount,
            frameCount * Frames.BYTE_PAYLOAD_LENGTH / 1e6,
            now.framesInFlight()));
    shown = now;
  }
}
