package io.framepipeline.common.transport;

import io.framepipeline.common.frame.FrameSlots;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileChannel.MapMode;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.agrona.BufferUtil;
import org.agrona.CloseHelper;

/**
 * Slots in a file of shared memory, in the directory {@code <AERON_DIR>.slots}, for as long as this
 * process keeps it. It is locked, so that what the dead leave behind is known, and deleted by
 * whoever makes the next file. Those who have mapped it keep their mapping.
 */
public final class SlotFile implements AutoCloseable {
  private static final int WRITE_LENGTH = 1 << 16;

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
    Files.createDirectories(path.getParent());
    deleteOrphans(path.getParent());
    OWN.add(path);
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

  private static FileChannel createLocked(Path path) throws IOException {
    while (true) {
      FileChannel file =
          FileChannel.open(
              path, StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE);
      if (file.tryLock() != null && Files.exists(path)) {
        return file;
      }
      // Somebody took it for an orphan before it was locked, and has deleted it or is about to.
      file.close();
    }
  }

  /**
   * Has the same slots found by another path, too, until that is closed.
   *
   * @throws IOException if there is such a file
   */
  public SlotFile link(Path link) throws IOException {
    OWN.add(link);
    Files.createLink(link, path);
    return new SlotFile(link, slots, null);
  }

  /** The slots, to write. */
  public FrameSlots slots() {
    return slots;
  }

  /**
   * Maps what another process writes.
   *
   * @throws IOException if there is no such file, or it has no such slots
   */
  static FrameSlots map(Path path, int payloadLength) throws IOException {
    try (FileChannel file = FileChannel.open(path, StandardOpenOption.READ)) {
      return FrameSlots.attach(file.map(MapMode.READ_ONLY, 0, file.size()), payloadLength);
    } catch (IllegalArgumentException e) {
      throw new IOException(path + ": " + e.getMessage(), e);
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

  private static void deleteIfOrphan(Path path) throws IOException {
    try (FileChannel file = FileChannel.open(path, StandardOpenOption.WRITE);
        FileLock lock = file.tryLock()) {
      if (lock != null) {
        // Before the lock is given up: who has just made the file looks for it afterwards.
        Files.deleteIfExists(path);
      }
    } catch (NoSuchFileException | OverlappingFileLockException e) {
      // Gone by itself, or kept by a link in this process.
    }
  }
}
