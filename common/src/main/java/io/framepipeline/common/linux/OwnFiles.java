package io.framepipeline.common.linux;

import io.framepipeline.common.config.ExitCode;
import io.framepipeline.common.config.ExitException;
import java.io.IOException;
import java.nio.ByteBuffer;
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
import java.util.Arrays;
import java.util.HashSet;
import java.util.Set;

/**
 * Files beside the media driver's directory, which may be where every user can write. From their
 * first moment on only this user can use them, whatever the umask. So another user can neither read
 * frames nor hold locks. No file is ever reached through a symbolic link.
 */
public final class OwnFiles {
  private static final Set<PosixFilePermission> FILE = PosixFilePermissions.fromString("rw-------");
  private static final Set<PosixFilePermission> DIRECTORY =
      PosixFilePermissions.fromString("rwx------");

  /** Bytes of one write of zeros. */
  private static final int ZEROS_LENGTH = 1 << 16;

  private OwnFiles() {}

  /**
   * Makes a directory for this user alone, or makes an existing one of this user so.
   *
   * @throws ExitException if it belongs to another user
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
   * Opens a file to read and write, and creates it if there is none.
   *
   * @throws ExitException if it belongs to another user
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
   * Identifies the regular file of this name, for as long as any process has it open.
   *
   * @return null if there is none: no file, a directory, a link, or a pipe, which could block the
   *     opener
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
   * Opens a file to read and write, in a directory that is for this user alone.
   *
   * @param creation whether the file is created; none if it must exist
   */
  public static FileChannel open(Path file, OpenOption... creation) throws IOException {
    Set<OpenOption> options = new HashSet<>(Arrays.asList(creation));
    options.add(StandardOpenOption.READ);
    options.add(StandardOpenOption.WRITE);
    options.add(LinkOption.NOFOLLOW_LINKS);
    return FileChannel.open(file, options, PosixFilePermissions.asFileAttribute(FILE));
  }

  /**
   * Writes zeros over the first bytes of a file that is to be mapped. So a full file system is an
   * error here, and not a signal at the first use of a page.
   *
   * @throws IOException if there is no room for them
   */
  public static void writeZeros(FileChannel file, long length) throws IOException {
    ByteBuffer zeros = ByteBuffer.allocate((int) Math.min(ZEROS_LENGTH, length));
    for (long position = 0; position < length; ) {
      zeros.clear().limit((int) Math.min(zeros.capacity(), length - position));
      position += file.write(zeros, position);
    }
  }

  /** An existing file or directory may belong to another user, or others may be able to read it. */
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
