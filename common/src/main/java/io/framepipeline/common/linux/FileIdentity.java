package io.framepipeline.common.linux;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;

/** A file or directory that is to stay what it is once it is there. */
public final class FileIdentity {
  private final Path path;

  /** Device and inode; null until it is there. */
  private Object key;

  public FileIdentity(Path path) {
    this.path = path;
  }

  public Path path() {
    return path;
  }

  /** Whether it was there and is not any more, or something else is there in its stead. */
  public boolean isGone() {
    Object now = key(path);
    if (key == null) {
      key = now;
    }
    return key != null && !key.equals(now);
  }

  private static Object key(Path path) {
    try {
      return Files.readAttributes(path, BasicFileAttributes.class, LinkOption.NOFOLLOW_LINKS)
          .fileKey();
    } catch (IOException e) {
      return null;
    }
  }
}
