package io.framepipeline.systemtests;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Follows docs/own-stage.md to the letter, so that the page cannot rot. */
@Timeout(value = 20, unit = TimeUnit.MINUTES)
class OwnStageIT {
  private static final Pattern NEW_FILE =
      Pattern.compile("(?s)\n`([^`\n]+)`:\n\n```\\w+\n(.*?)```");
  private static final Pattern CHANGE = Pattern.compile("(?s)\n```diff\n(.*?)```");

  /** What a checkout does not have, or a build makes. */
  private static final Set<String> LEFT_OUT = Set.of(".git", "target", ".env");

  /** √(64 · Σ sin⁴(πn/64)), of zero bytes, whose reciprocals are 1. */
  private static final double WINDOWED_NORM = Math.sqrt(64 * 24);

  private static final int FRAMES = 200_000;

  @TempDir private Path directory;

  @Test
  void shouldLoseNothingOfAStageThatWasAddedAsThePageSays() throws Exception {
    Surroundings.assumeProgram("git", "a stage of one's own");
    Path checkout = directory.resolve("checkout");
    copy(PipelineProcess.HOME, checkout);
    follow(Files.readString(checkout.resolve("docs/own-stage.md")), checkout);
    run(
        checkout,
        "./mvnw",
        "-B",
        "-ntp",
        "-q",
        "-pl",
        "window-service",
        "-am",
        "package",
        "-Dspotless.check.skip=true",
        "-Dtest=WindowKernelTest",
        "-Dsurefire.failIfNoSpecifiedTests=false");
    run(checkout, "./pipeline", "--help");

    Path norms = directory.resolve("norms.txt");
    try (PipelineProcess run =
        PipelineProcess.runBy(
            List.of("sh", "-c", "shift; exec \"$0/pipeline\" \"$@\"", checkout.toString()),
            directory,
            Map.of(),
            "--source=/dev/zero",
            "--frames=" + FRAMES,
            "--rate=20000",
            "--windows=2",
            "--results=" + norms)) {
      for (int kills = 1; kills <= 3; kills++) {
        run.awaitAcknowledged(kills * (FRAMES / 8L));
        await().atMost(PipelineProcess.LIMIT).until(() -> !windows(run).isEmpty());
        PipelineProcess.signal(windows(run).getFirst().pid(), "KILL");
      }
      assertThat(run.awaitExit()).isZero();
      run.assertNothingLost(FRAMES);
    }
    assertInOrder(Files.readAllLines(norms));
  }

  private static List<ProcessHandle> windows(PipelineProcess run) {
    return run.processes("WindowService");
  }

  private static void assertInOrder(List<String> lines) {
    assertThat(lines).hasSize(FRAMES);
    for (int sequence = 0; sequence < FRAMES; sequence++) {
      String[] words = lines.get(sequence).split(" ", -1);
      assertThat(Long.parseLong(words[1])).isEqualTo(sequence);
      assertThat(Double.parseDouble(words[2])).isCloseTo(WINDOWED_NORM, within(1e-4));
    }
  }

  /** Makes the page's new files and applies its changes. */
  private void follow(String page, Path checkout) throws Exception {
    int made = 0;
    for (Matcher file = NEW_FILE.matcher(page); file.find(); made++) {
      Path path = checkout.resolve(file.group(1));
      Files.createDirectories(path.getParent());
      Files.writeString(path, file.group(2));
    }
    StringBuilder changes = new StringBuilder();
    for (Matcher change = CHANGE.matcher(page); change.find(); ) {
      changes.append(change.group(1));
    }
    assertThat(made).as("new files").isEqualTo(4);
    Path patch = Files.writeString(directory.resolve("changes.patch"), changes);
    run(checkout, "git", "apply", patch.toString());
  }

  private void run(Path checkout, String... command) throws Exception {
    Path said = Files.createTempFile(directory, "command", ".out");
    Process process =
        new ProcessBuilder(command)
            .directory(checkout.toFile())
            .redirectErrorStream(true)
            .redirectOutput(said.toFile())
            .start();
    assertThat(process.waitFor()).as("%s: %s", command[0], Files.readString(said)).isZero();
  }

  private static void copy(Path from, Path to) throws IOException {
    Files.walkFileTree(
        from,
        new SimpleFileVisitor<>() {
          @Override
          public FileVisitResult preVisitDirectory(Path path, BasicFileAttributes attributes)
              throws IOException {
            if (LEFT_OUT.contains(path.getFileName().toString())) {
              return FileVisitResult.SKIP_SUBTREE;
            }
            Files.createDirectories(to.resolve(from.relativize(path)));
            return FileVisitResult.CONTINUE;
          }

          @Override
          public FileVisitResult visitFile(Path path, BasicFileAttributes attributes)
              throws IOException {
            Files.copy(path, to.resolve(from.relativize(path)));
            return FileVisitResult.CONTINUE;
          }
        });
  }
}
