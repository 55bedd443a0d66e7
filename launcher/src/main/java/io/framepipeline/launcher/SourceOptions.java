package io.framepipeline.launcher;

import io.framepipeline.reader.PartialFrame;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import picocli.CommandLine.Option;

/** The options that say what is read, how much of it, and how fast. */
final class SourceOptions {
  private static final Pattern DESCRIPTOR = Pattern.compile("/(?:dev|proc/self)/fd/([1-9]\\d*)");

  @Option(
      names = "--source",
      paramLabel = "PATH|-",
      description =
          "Device, file or FIFO to read, or - for standard input; run also takes kafka:TOPIC."
              + " Default: READER_SOURCE, else /dev/urandom.")
  String source;

  @Option(
      names = "--frames",
      paramLabel = "N",
      description = "How many frames each reader reads. Default: READER_FRAMES, else all.")
  Long frames;

  @Option(
      names = "--rate",
      paramLabel = "N",
      description =
          "Frames per second of each reader, by schedule. Default: READER_RATE, else as fast as it"
              + " goes.")
  Long rate;

  @Option(
      names = "--partial-frame",
      paramLabel = "refuse|pad",
      description =
          "What to do if the input ends inside a frame. Default: READER_PARTIAL_FRAME, else"
              + " refuse.")
  PartialFrame partialFrame;

  /** Puts what was given into settings of the reader. */
  void putInto(Map<String, String> settings) {
    put(settings, "READER_SOURCE", source == null ? null : fromOutside(source));
    put(settings, "READER_FRAMES", frames);
    put(settings, "READER_RATE", rate);
    put(
        settings,
        "READER_PARTIAL_FRAME",
        partialFrame == null ? null : partialFrame.name().toLowerCase(Locale.ROOT));
  }

  /**
   * Replaces a descriptor of this process by a path that other processes can open. Readers inherit
   * standard input only, and not what a shell opens for {@code <(...)}.
   */
  private static String fromOutside(String source) {
    Matcher descriptor = DESCRIPTOR.matcher(source);
    return descriptor.matches()
        ? "/proc/" + ProcessHandle.current().pid() + "/fd/" + descriptor.group(1)
        : source;
  }

  private static void put(Map<String, String> settings, String name, Object value) {
    if (value != null) {
      settings.put(name, value.toString());
    }
  }
}
