package io.framepipeline.common.linux;

import io.framepipeline.common.config.ExitCode;
import io.framepipeline.common.config.ExitException;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.OpenOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Set;

/**
 * Files beside the media driver's directory, which may be where every user can write. They are for
 * this user alone from their first moment on, whatever the umask: another user can neither read
 * frames nor hold locks. They are never reached through a symbolic link.
 */
public final class OwnFiles {
  private static final Set<PosixFilePermission> FILE = PosixFilePermissions.fromString("rw-------");
  private static final Set<PosixFilePermission> DIRECTORY =
      PosixFilePermissions.fromString("rwx------");

  private OwnFiles() {}

  /**
   * Makes a directory, or makes sure that there is one that is this user's alone.
   *
   * @throws ExitException if it is another user's
   */
  public static void makeDirectory(Path directory) throws IOException {
    Files.createDirectories(directory.toAbsolutePath().getParent());
    try {
      Files.createDirectory(directory, PosixFilePermissions.asFileAttribute(DIRECTORY));
    } catch (FileAlreadyExistsException e) {
      if (!Files.isDirectory(directory, LinkOption.NOFOLLOW_LINKS)) {
        throw e;
      }
      keepToThisUser(directory, DIRECTORY);
    }
  }

  /**
   * Opens a file to read and write, and makes it if there is none.
   *
   * @throws ExitException if it is another user's
   */
  public static FileChannel openOrCreate(Path file) throws IOException {
    try {
      FileChannel channel = open(file, StandardOpenOption.CREATE);
      try {
        keepToThisUser(file, FILE);
        return channel;
      } catch (IOException | RuntimeException e) {
        channel.close();
        throw e;
      }
    } catch (AccessDeniedException e) {
      throw noAccess(file);
    }
  }

  /**
   * Identifies the regular file of this name, as long as anybody has it open.
   *
   * @return null if there is none: no file, or a directory, a link, a pipe, which opening could
   *     block
   */
  public static Object key(Path file) throws IOException {
    try {
      BasicFileAttributes attributes =
          Files.readAttributes(file, BasicFileAttributes.class, LinkOption.NOFOLLOW_LINKS);
      return attributes.isRegularFile() ? attributes.fileKey() : null;
    } catch (NoSuchFileException e) {
      return null;
    }
  }

  /**
   * Opens a file to read and write, in a directory that is this user's alone.
   *
   * @param creation whether it is made
   */
  public static FileChannel open(Path file, OpenOption creation) throws IOException {
    return FileChannel.open(
        file,
        Set.of(
            creation, StandardOpenOption.READ, StandardOpenOption.WRITE, LinkOption.NOFOLLOW_LINKS),
        PosixFilePermissions.asFileAttribute(FILE));
  }

  /** What was there before may have been made by another user, or for others to read. */
  private static void keepToThisUser(Path path, Set<PosixFilePermission> permissions)
      throws IOException {
    Object thisUser = Files.getAttribute(Path.of("/proc/self"), "unix:uid");
    if (!thisUser.equals(Files.getAttribute(path, "unix:uid", LinkOption.NOFOLLOW_LINKS))) {
      throw noAccess(path);
    }
    Files.setPosixFilePermissions(path, permissions);
  }

  private static ExitException noAccess(Path path) {
    return new ExitException(
        ExitCode.USAGE,
        "AERON_DIR: %s is not this user's alone; run the media driver and every service as one user, who may write beside its directory"
            .formatted(path));
  }
}
