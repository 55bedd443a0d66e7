package io.framepipeline.common.linux;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;

/** A file or directory that must stay the same one after it first exists. */
public final class FileIdentity {
  private final Path path;

  /** Device and inode; null until the file exists. */
  private Object key;

  public FileIdentity(Path path) {
    this.path = path;
  }

  public Path path() {
    return path;
  }

  /** Whether the file existed and now does not, or has been replaced. */
  public boolean isGone() {
    Object now = key(path);
    if (key == null) {
      key = now;
    }
    return key != null && !key.equals(now);
  }

  /** Device and inode of what has this name; null if nothing has. */
  public static Object key(Path path) {
    try {
      return Files.readAttributes(path, BasicFileAttributes.class, LinkOption.NOFOLLOW_LINKS)
          .fileKey();
    } catch (IOException e) {
      return null;
    }
  }
}
