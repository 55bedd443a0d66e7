package io.framepipeline.common.transport;

import io.framepipeline.common.linux.OwnFiles;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileChannel.MapMode;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.agrona.BufferUtil;
import org.agrona.CloseHelper;

/**
 * Slots in a file of shared memory, in the directory {@code <AERON_DIR>.slots}, for as long as this
 * process keeps it. It is locked, so that what the dead leave behind is known, and deleted by
 * whoever makes the next file. Those who have mapped it keep their mapping.
 */
public final class SlotFile implements AutoCloseable {
  private static final int WRITE_LENGTH = 1 << 16;

  /** More than one if another process looks for orphans in the same moment; bounded, at 50 ms. */
  private static final int CREATE_ATTEMPTS = 50;

  private static final long CREATE_PAUSE_NANOS = TimeUnit.MILLISECONDS.toNanos(1);

  /**
   * What this process has made. It must not open these once more, even to look: closing any
   * descriptor of a file gives up a process's locks on it.
   */
  private static final Set<Path> OWN = ConcurrentHashMap.newKeySet();

  private final Path path;
  private final FrameSlots slots;

  /** Null for a link, whose file is another's to lock and unmap. */
  private final FileChannel file;

  private SlotFile(Path path, FrameSlots slots, FileChannel file) {
    this.path = path;
    this.slots = slots;
    this.file = file;
  }

  /** Where the files of a driver's clients are. */
  static Path directory(Path aeronDirectory) {
    return aeronDirectory.resolveSibling(aeronDirectory.getFileName() + ".slots");
  }

  /** The file of a source, which its publications link to. */
  public static Path pathFor(Path aeronDirectory, int sourceId) {
    return directory(aeronDirectory).resolve("source-" + sourceId);
  }

  /** The file that a publication's messages refer to. */
  static Path pathFor(Path aeronDirectory, int streamId, int sessionId) {
    return directory(aeronDirectory)
        .resolve(Integer.toHexString(streamId) + "-" + Integer.toHexString(sessionId));
  }

  /**
   * Makes a file of empty slots; its memory is really allocated, and touched.
   *
   * @param count a power of two
   * @throws IOException if there is no room for it
   */
  public static SlotFile create(Path path, int count, int payloadLength) throws IOException {
    OwnFiles.makeDirectory(path.getParent());
    deleteOrphans(path.getParent());
    FileChannel file = createLocked(path);
    try {
      long length = FrameSlots.length(count, payloadLength);
      // Written, so that a full file system is an error here and not a signal at the first use.
      ByteBuffer zeros = ByteBuffer.allocate(WRITE_LENGTH);
      for (long position = 0; position < length; ) {
        zeros.clear().limit((int) Math.min(WRITE_LENGTH, length - position));
        position += file.write(zeros, position);
      }
      ByteBuffer memory = file.map(MapMode.READ_WRITE, 0, length);
      return new SlotFile(path, FrameSlots.format(memory, payloadLength), file);
    } catch (IOException e) {
      delete(path);
      CloseHelper.quietClose(file);
      throw e;
    }
  }

  /**
   * A file that is locked and has its name. Until it is locked, another process may take it for an
   * orphan, lock and delete it. No other process makes a file of this name, which is unique, and a
   * name is deleted only under the lock of what it names. So a name that is there now stays.
   */
  private static FileChannel createLocked(Path path) throws IOException {
    OWN.add(path);
    FileChannel file = null;
    try {
      file = OwnFiles.open(path, StandardOpenOption.CREATE_NEW);
      for (int attempt = 0; attempt < CREATE_ATTEMPTS; attempt++) {
        if (file.tryLock() != null && Files.exists(path, LinkOption.NOFOLLOW_LINKS)) {
          return file;
        }
        file.close();
        LockSupport.parkNanos(CREATE_PAUSE_NANOS);
        file = OwnFiles.open(path, StandardOpenOption.CREATE);
      }
      throw new IOException(path + ": others keep it locked");
    } catch (IOException e) {
      CloseHelper.quietClose(file);
      OWN.remove(path);
      throw e;
    }
  }

  /**
   * Has the same slots found by another path, too, until that is closed.
   *
   * @throws IOException if there is such a file
   */
  public SlotFile link(Path link) throws IOException {
    OWN.add(link);
    try {
      Files.createLink(link, path);
    } catch (IOException e) {
      OWN.remove(link);
      throw e;
    }
    return new SlotFile(link, slots, null);
  }

  /** The slots, to write. */
  public FrameSlots slots() {
    return slots;
  }

  /**
   * Maps what another process writes.
   *
   * @return null if there is no such file, or it has no such slots
   * @throws IOException if it is this process that cannot map it
   */
  static FrameSlots map(Path path, int payloadLength) throws IOException {
    if (OwnFiles.key(path) == null) {
      return null;
    }
    try (FileChannel file =
        FileChannel.open(path, StandardOpenOption.READ, LinkOption.NOFOLLOW_LINKS)) {
      long length = file.size();
      return FrameSlots.isLength(length, payloadLength)
          ? FrameSlots.attach(file.map(MapMode.READ_ONLY, 0, length), payloadLength)
          : null;
    } catch (NoSuchFileException e) {
      return null;
    }
  }

  /** Gives up the name; the slots stay, for a thread that may be at work in them yet. */
  public void delete() {
    delete(path);
    CloseHelper.quietClose(file);
  }

  /** Gives up the name and, unless this is a link, the slots. */
  @Override
  public void close() {
    delete();
    if (file != null) {
      BufferUtil.free(slots.memory());
    }
  }

  private static void delete(Path path) {
    try {
      Files.deleteIfExists(path);
    } catch (IOException e) {
      // It will be an orphan then.
    }
    OWN.remove(path);
  }

  /** Deletes the files of processes that are gone. */
  private static void deleteOrphans(Path directory) throws IOException {
    try (DirectoryStream<Path> paths = Files.newDirectoryStream(directory)) {
      for (Path path : paths) {
        if (!OWN.contains(path)) {
          deleteIfOrphan(path);
        }
      }
    }
  }

  private static void deleteIfOrphan(Path path) {
    try {
      deleteIfOrphan(path, OwnFiles.key(path));
    } catch (IOException | OverlappingFileLockException e) {
      // Gone by itself, kept by a link in this process, or nothing that this process may open.
    }
  }

  /**
   * Deletes a file that nobody has locked, if it still has the name by which it was found.
   *
   * @param key of what had the name before; null if that was no regular file
   */
  static void deleteIfOrphan(Path path, Object key) throws IOException {
    if (key == null) {
      return;
    }
    try (FileChannel file =
            FileChannel.open(path, StandardOpenOption.WRITE, LinkOption.NOFOLLOW_LINKS);
        FileLock lock = file.tryLock()) {
      // Another may have deleted what was opened here; the name is then that of its maker's next.
      if (lock != null && key.equals(OwnFiles.key(path))) {
        // Before the lock is given up: who has just made the file looks for it afterwards.
        Files.deleteIfExists(path);
      }
    }
  }
}
