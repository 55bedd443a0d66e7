package io.framepipeline.systemtests;

import java.io.IOException;
import java.nio.file.Path;
import java.util.stream.Stream;
import kafka.Kafka;
import kafka.tools.StorageTool;

/** The process of a {@link KafkaBroker}: formats its storage where that is new, and serves. */
final class KafkaBrokerMain {
  private KafkaBrokerMain() {}

  /** Takes a file of properties, the cluster's id, and further arguments of the storage's tool. */
  public static void main(String[] args) {
    Thread.ofPlatform().name("parent-watch").daemon().start(KafkaBrokerMain::endWithParent);
    Path properties = Path.of(args[0]);
    String[] format =
        Stream.concat(
                Stream.of(
                    "format", "--ignore-formatted", "-c", properties.toString(), "-t", args[1]),
                Stream.of(args).skip(2))
            .toArray(String[]::new);
    int exitCode = StorageTool.execute(format, System.out);
    if (exitCode != 0) {
      System.exit(exitCode);
    }
    Kafka.main(new String[] {properties.toString()});
  }

  /** Whatever becomes of the tests, the end of standard input says that they are gone. */
  private static void endWithParent() {
    try {
      while (System.in.read() >= 0) {
        // Nothing is expected.
      }
    } catch (IOException e) {
      // As gone.
    }
    Runtime.getRuntime().halt(1);
  }
}
