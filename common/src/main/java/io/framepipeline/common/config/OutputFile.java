package io.framepipeline.common.config;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;

/** A file, or a directory for files, that a setting or option names for output. */
public final class OutputFile {
  private OutputFile() {}

  /**
   * Checks the file of an option before anything is done for it. The file stays as it is.
   *
   * @throws ExitException with {@link ExitCode#USAGE} if this user cannot write the file
   */
  public static void check(String option, Path file) {
    refuse(option, file, whyNotWritable(file), "give a file that this user may write");
  }

  /**
   * The same for a directory, which need not exist. It is not made.
   *
   * @throws ExitException with {@link ExitCode#USAGE} if this user cannot make it, or files in it
   */
  public static void checkDirectory(String option, Path directory) {
    refuse(
        option,
        directory,
        whyNotDirectory(directory),
        "give a directory that this user may write or make");
  }

  private static void refuse(String option, Path path, Optional<String> reason, String remedy) {
    reason.ifPresent(
        why -> {
          throw new ExitException(
              ExitCode.USAGE, "%s=%s: %s; %s".formatted(option, path, why, remedy));
        });
  }

  /** Why this user cannot write the file, as far as that is known before; empty if it can be. */
  public static Optional<String> whyNotWritable(Path file) {
    Path directory = file.toAbsolutePath().getParent();
    if (Files.isDirectory(file)) {
      return Optional.of("is a directory");
    }
    if (Files.exists(file)) {
      return Files.isWritable(file)
          ? Optional.empty()
          : Optional.of("may not be written by this user");
    }
    if (directory == null || !Files.isDirectory(directory)) {
      return Optional.of("its directory is missing");
    }
    return Files.isWritable(directory)
        ? Optional.empty()
        : Optional.of("its directory may not be written by this user");
  }

  /** Why this user cannot make a directory, or files in it; empty if nothing speaks against it. */
  static Optional<String> whyNotDirectory(Path directory) {
    Path existing = directory.toAbsolutePath();
    while (!Files.exists(existing)) {
      existing = existing.getParent();
    }
    if (!Files.isDirectory(existing)) {
      return Optional.of(existing + " is no directory");
    }
    return Files.isWritable(existing)
        ? Optional.empty()
        : Optional.of(existing + " may not be written by this user");
  }
}
