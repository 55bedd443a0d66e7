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
import java.nio.file.OpenOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.agrona.BufferUtil;
import org.agrona.CloseHelper;

/**
 * Slots in a file of shared memory, in the directory {@code <AERON_DIR>.slots}. The file lasts as
 * long as this process keeps it. The process holds a lock on the file. A file without a lock is an
 * orphan: its process is dead. The next process that makes a file deletes orphans. Processes that
 * have mapped a file keep their mapping.
 *
 * <p>The slots of a reader that another one may replace are in another directory, from which no
 * orphan is deleted. Only links to them are in that one.
 */
public final class SlotFile implements AutoCloseable {
  /**
   * More than one is needed only if another process looks for orphans at the same moment. Together
   * they take 50 ms at most.
   */
  private static final int LOCK_ATTEMPTS = 50;

  private static final long LOCK_PAUSE_NANOS = TimeUnit.MILLISECONDS.toNanos(1);

  /**
   * Files that this process has made. It must not open them again, even to look: closing any
   * descriptor of a file releases the process's locks on it.
   */
  private static final Set<Path> OWN = ConcurrentHashMap.newKeySet();

  private final Path path;
  private final FrameSlots slots;

  /** Null for a link: the file behind it is locked and unmapped elsewhere. */
  private final FileChannel file;

  private SlotFile(Path path, FrameSlots slots, FileChannel file) {
    this.path = path;
    this.slots = slots;
    this.file = file;
  }

  /** The directory of the files of a driver's clients. */
  static Path directory(Path aeronDirectory) {
    return aeronDirectory.resolveSibling(aeronDirectory.getFileName() + ".slots");
  }

  /** The file of a reader's slots. The names for its publications are links to it. */
  public static Path pathFor(Path aeronDirectory, int sourceId) {
    return directory(aeronDirectory).resolve("source-" + sourceId);
  }

  /** The file that a publication's messages refer to. */
  static Path pathFor(Path aeronDirectory, int streamId, int sessionId) {
    return directory(aeronDirectory)
        .resolve(Integer.toHexString(streamId) + "-" + Integer.toHexString(sessionId));
  }

  /**
   * Makes a file of empty slots. Its memory is really allocated, and touched.
   *
   * @param count a power of two
   * @throws IOException if there is no room for it
   */
  public static SlotFile create(Path path, int count, int payloadLength) throws IOException {
    prepareDirectory(path.getParent());
    return createSlots(path, count, payloadLength);
  }

  /**
   * The same for slots that outlive this process.
   *
   * @param path in a directory from which no orphan is deleted
   */
  public static SlotFile createKept(Path aeronDirectory, Path path, int count, int payloadLength)
      throws IOException {
    prepareDirectory(directory(aeronDirectory));
    return createSlots(path, count, payloadLength);
  }

  /**
   * Goes on with slots that a dead process has made to outlive it.
   *
   * @throws IOException if they cannot be used, or their process is not dead
   */
  public static SlotFile goOn(Path aeronDirectory, Path path, int payloadLength)
      throws IOException {
    // First, since that deletes the dead process's links, and this one must not open them later.
    prepareDirectory(directory(aeronDirectory));
    FileChannel file = null;
    try {
      file = lock(path);
      long length = file.size();
      if (!FrameSlots.isLength(length, payloadLength)) {
        throw new IOException(path + ": no slots");
      }
      ByteBuffer memory = file.map(MapMode.READ_WRITE, 0, length);
      OWN.add(path);
      return new SlotFile(path, FrameSlots.attach(memory, payloadLength), file);
    } catch (IOException e) {
      CloseHelper.quietClose(file);
      throw e;
    }
  }

  private static void prepareDirectory(Path directory) throws IOException {
    OwnFiles.makeDirectory(directory);
    deleteOrphans(directory);
  }

  private static SlotFile createSlots(Path path, int count, int payloadLength) throws IOException {
    FileChannel file = createLocked(path);
    try {
      long length = FrameSlots.length(count, payloadLength);
      OwnFiles.writeZeros(file, length);
      ByteBuffer memory = file.map(MapMode.READ_WRITE, 0, length);
      return new SlotFile(path, FrameSlots.format(memory, payloadLength), file);
    } catch (IOException e) {
      delete(path);
      CloseHelper.quietClose(file);
      throw e;
    }
  }

  /**
   * Makes a file that is locked and has its name. Until it is locked, another process may take it
   * for an orphan, lock it and delete it. The name is unique, so no other process makes a file of
   * this name. A name is deleted only while its file is locked. So a name that is still there after
   * locking stays.
   */
  private static FileChannel createLocked(Path path) throws IOException {
    OWN.add(path);
    try {
      OwnFiles.open(path, StandardOpenOption.CREATE_NEW).close();
      return lock(path, StandardOpenOption.CREATE);
    } catch (IOException e) {
      OWN.remove(path);
      throw e;
    }
  }

  /** Opens and locks a file, even if another process looks at it for a moment. */
  private static FileChannel lock(Path path, OpenOption... creation) throws IOException {
    for (int attempt = 0; attempt < LOCK_ATTEMPTS; attempt++) {
      FileChannel file = OwnFiles.open(path, creation);
      if (file.tryLock() != null && Files.exists(path, LinkOption.NOFOLLOW_LINKS)) {
        return file;
      }
      file.close();
      LockSupport.parkNanos(LOCK_PAUSE_NANOS);
    }
    throw new IOException(path + ": others keep it locked");
  }

  /**
   * Gives the slots another path, until the link is closed.
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

  /** The slots. Only this process writes them. */
  public FrameSlots slots() {
    return slots;
  }

  /**
   * Maps slots that another process writes.
   *
   * @return null if there is no such file, or it has no such slots
   * @throws IOException if this process cannot map the file
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

  /** Deletes the name. The slots stay, because a thread may still be at work in them. */
  public void delete() {
    delete(path);
    CloseHelper.quietClose(file);
  }

  /** Deletes the name and, unless this is a link, unmaps the slots. */
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
      // The file becomes an orphan then.
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
      // The file is gone, or this process holds its lock by another name, or may not open it.
    }
  }

  /**
   * Deletes a file that no process has locked, if its name still leads to the file that was found.
   *
   * @param key of the file that had this name when it was found; null if that was no regular file
   */
  static void deleteIfOrphan(Path path, Object key) throws IOException {
    if (key == null) {
      return;
    }
    try (FileChannel file =
            FileChannel.open(path, StandardOpenOption.WRITE, LinkOption.NOFOLLOW_LINKS);
        FileLock lock = file.tryLock()) {
      // Another process may have deleted the opened file. Then the name may lead to a newer file.
      if (lock != null && key.equals(OwnFiles.key(path))) {
        // Deleted before the lock is released: the file's maker locks first and then looks for the
        // name.
        Files.deleteIfExists(path);
      }
    }
  }
}
