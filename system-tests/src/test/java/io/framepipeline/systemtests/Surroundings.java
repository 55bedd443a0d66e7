package io.framepipeline.systemtests;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Stream;

/**
 * What tests need of the machine beyond what the pipeline itself does. Where it is missing a test
 * is skipped, and one line says what was not tested; in CI, which has everything, that is a
 * failure.
 */
final class Surroundings {
  private static final Path SHARED_MEMORY = Path.of("/dev/shm");
  private static final long MEBIBYTE = 1024 * 1024;
  private static final Set<String> SAID = ConcurrentHashMap.newKeySet();

  private Surroundings() {}

  /**
   * Skips the test if something is missing.
   *
   * @param subject what is not tested then
   * @param need what is missing, as a clause
   */
  static void assume(boolean isThere, String subject, String need) {
    if (!isThere) {
      String line = "NOT TESTED: %s; %s".formatted(subject, need);
      if ("true".equals(System.getenv("CI"))) {
        throw new AssertionError(line);
      }
      if (SAID.add(line)) {
        System.err.println(line);
      }
    }
    assumeTrue(isThere, need);
  }

  /** Skips the test if a program is not on the PATH. */
  static void assumeProgram(String program, String subject) {
    boolean isThere =
        Stream.of(System.getenv("PATH").split(":", -1))
            .anyMatch(folder -> Files.isExecutable(Path.of(folder, program)));
    assume(isThere, subject, program + " is not installed");
  }

  /** Skips the test if /dev/shm has no room for its pipelines at their largest. */
  static void assumeSharedMemory(int mebibytes, String subject) throws IOException {
    long free = Files.getFileStore(SHARED_MEMORY).getUsableSpace() / MEBIBYTE;
    assume(
        free >= mebibytes,
        subject,
        "/dev/shm has %s MiB free, this takes %s".formatted(free, mebibytes));
  }
}
