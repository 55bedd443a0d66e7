package io.framepipeline.reader;

import io.framepipeline.common.linux.OwnFiles;
import io.framepipeline.common.transport.SlotFile;
import io.framepipeline.common.wire.Frames;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileChannel.MapMode;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.security.SecureRandom;
import org.agrona.BitUtil;
import org.agrona.concurrent.UnsafeBuffer;

/**
 * A reader's identity and memory in a file, and its ring of payloads in another one beside it. Both
 * are locked while the reader lives. If it is killed, another reader locks them and goes on.
 *
 * <p>The locks are POSIX record locks: they end with the process, and also when it closes any
 * descriptor of the file. So neither file is closed before the process ends, since another thread
 * may still be at work in them.
 *
 * <p>Layout of the file: magic number (int64), version and length (int32 each), the reader's {@code
 * sourceId} (int32), how many readers have had the number before (int64), whether it has ended
 * (int64), the settings that a successor must have (text), and {@link ReaderMemory}.
 */
final class ReaderFile {
  /** "READERS" and a zero byte, in the byte order of the machine. */
  private static final long MAGIC = 0x0053_5245_4441_4552L;

  /** To be raised with each change of the layout. */
  private static final int VERSION = 1;

  private static final int MAGIC_OFFSET = 0;
  private static final int VERSION_OFFSET = MAGIC_OFFSET + BitUtil.SIZE_OF_LONG;
  private static final int LENGTH_OFFSET = VERSION_OFFSET + BitUtil.SIZE_OF_INT;
  private static final int SOURCE_ID_OFFSET = LENGTH_OFFSET + BitUtil.SIZE_OF_INT;
  private static final int GENERATION_OFFSET = SOURCE_ID_OFFSET + 2 * BitUtil.SIZE_OF_INT;
  private static final int HAS_ENDED_OFFSET = GENERATION_OFFSET + BitUtil.SIZE_OF_LONG;
  private static final int SETTINGS_OFFSET = HAS_ENDED_OFFSET + BitUtil.SIZE_OF_LONG;

  /** Two paths of 4096 bytes, the longest there are, fit in. */
  private static final int MEMORY_OFFSET = 1 << 14;

  /** Bytes of the file. */
  static final int LENGTH = MEMORY_OFFSET + ReaderMemory.LENGTH;

  private static final String RING = ".ring";
  private static final String UNFINISHED = ".new";

  private final int number;
  private final UnsafeBuffer buffer;
  private final ReaderMemory memory;
  private final SlotFile ring;
  private final Path path;

  /** Kept open, for its lock; null for a reader whose memory ends with it. */
  private final FileChannel file;

  private ReaderFile(
      Path path, FileChannel file, UnsafeBuffer buffer, ReaderMemory memory, SlotFile ring) {
    this.number = Integer.parseInt(path.getFileName().toString());
    this.path = path;
    this.file = file;
    this.buffer = buffer;
    this.memory = memory;
    this.ring = ring;
  }

  /**
   * A reader's memory that ends with its process, and a ring for it.
   *
   * @param path of the empty file whose name is the reader's number
   */
  static ReaderFile ofProcess(Path aeronDirectory, Path path, int windowFrames) throws IOException {
    UnsafeBuffer header = new UnsafeBuffer(new byte[SETTINGS_OFFSET]);
    int sourceId = newSourceId();
    header.putInt(SOURCE_ID_OFFSET, sourceId);
    SlotFile ring =
        SlotFile.create(
            SlotFile.pathFor(aeronDirectory, sourceId), windowFrames, Frames.BYTE_PAYLOAD_LENGTH);
    return new ReaderFile(path, null, header, ReaderMemory.ofProcess(), ring);
  }

  /**
   * Makes a reader's files. The file gets its name when all is ready.
   *
   * @param path whose last part is the reader's number
   * @throws IOException if there is no room for them
   */
  static ReaderFile create(Path aeronDirectory, Path path, String settings, int windowFrames)
      throws IOException {
    Path unfinished = sibling(path, UNFINISHED);
    deleteParts(path);
    try {
      SlotFile ring =
          SlotFile.createKept(
              aeronDirectory, sibling(path, RING), windowFrames, Frames.BYTE_PAYLOAD_LENGTH);
      FileChannel file = OwnFiles.open(unfinished, StandardOpenOption.CREATE_NEW);
      file.lock();
      OwnFiles.writeZeros(file, LENGTH);
      UnsafeBuffer buffer = map(file);
      buffer.putLong(MAGIC_OFFSET, MAGIC);
      buffer.putInt(VERSION_OFFSET, VERSION);
      buffer.putInt(LENGTH_OFFSET, LENGTH);
      buffer.putInt(SOURCE_ID_OFFSET, newSourceId());
      buffer.putStringUtf8(SETTINGS_OFFSET, settings);
      Files.move(unfinished, path);
      return of(path, file, buffer, ring);
    } catch (IOException e) {
      deleteParts(path);
      throw e;
    }
  }

  /**
   * Goes on with a dead reader's files.
   *
   * @param file which this process has locked
   * @return null if that reader had other settings, or was of another version
   */
  static ReaderFile goOn(Path aeronDirectory, Path path, FileChannel file, String settings)
      throws IOException {
    if (file.size() != LENGTH) {
      return null;
    }
    UnsafeBuffer buffer = map(file);
    boolean isSuccessor =
        buffer.getLong(MAGIC_OFFSET) == MAGIC
            && buffer.getInt(VERSION_OFFSET) == VERSION
            && buffer.getInt(LENGTH_OFFSET) == LENGTH
            && buffer.getStringUtf8(SETTINGS_OFFSET).equals(settings);
    if (!isSuccessor) {
      return null;
    }
    SlotFile ring = SlotFile.goOn(aeronDirectory, sibling(path, RING), Frames.BYTE_PAYLOAD_LENGTH);
    buffer.putLongRelease(GENERATION_OFFSET, buffer.getLong(GENERATION_OFFSET) + 1);
    return of(path, file, buffer, ring);
  }

  private static ReaderFile of(Path path, FileChannel file, UnsafeBuffer buffer, SlotFile ring) {
    ReaderMemory memory =
        new ReaderMemory(new UnsafeBuffer(buffer, MEMORY_OFFSET, ReaderMemory.LENGTH));
    return new ReaderFile(path, file, buffer, memory, ring);
  }

  /** The number of the reader among those that share a media driver's memory, from 0 on. */
  int number() {
    return number;
  }

  /** Random, so that no reader takes norms meant for another one. A successor has the same. */
  int sourceId() {
    return buffer.getInt(SOURCE_ID_OFFSET);
  }

  /** How many readers have had this number before. */
  long generation() {
    return buffer.getLong(GENERATION_OFFSET);
  }

  /** Whether another reader can go on with these files after this one's death. */
  boolean isKept() {
    return file != null;
  }

  ReaderMemory memory() {
    return memory;
  }

  SlotFile ring() {
    return ring;
  }

  /**
   * Deletes the files: nothing is left to go on with. An empty file stays, so that no other reader
   * gets the number.
   */
  void delete() {
    // First, by one store: a reader that is killed in here has ended all the same.
    buffer.putLongRelease(HAS_ENDED_OFFSET, 1);
    try {
      if (isKept()) {
        empty(path);
      }
    } catch (IOException e) {
      // The next reader that looks does it.
    }
    // The reading thread may still use it.
    ring.delete();
  }

  /** Deletes the files, and the number with them. */
  void discard() throws IOException {
    buffer.putLongRelease(HAS_ENDED_OFFSET, 1);
    ring.delete();
    Files.deleteIfExists(path);
  }

  /** Whether the reader that has left this file has ended. */
  static boolean hasEnded(FileChannel file) throws IOException {
    ByteBuffer mark = ByteBuffer.allocate(Long.BYTES);
    file.read(mark, HAS_ENDED_OFFSET);
    return file.size() == LENGTH && mark.getLong(0) != 0;
  }

  /** Puts an empty file in a file's place, which other processes may still use. */
  static void empty(Path path) throws IOException {
    Path empty = sibling(path, UNFINISHED);
    Files.deleteIfExists(empty);
    Files.createFile(empty);
    Files.move(empty, path, StandardCopyOption.ATOMIC_MOVE);
  }

  /** Deletes what is left of a reader that was killed while it made its files, or deleted them. */
  static void deleteParts(Path path) throws IOException {
    Files.deleteIfExists(sibling(path, RING));
    Files.deleteIfExists(sibling(path, UNFINISHED));
  }

  private static UnsafeBuffer map(FileChannel file) throws IOException {
    return new UnsafeBuffer(file.map(MapMode.READ_WRITE, 0, LENGTH));
  }

  private static int newSourceId() {
    return new SecureRandom().nextInt(Integer.MAX_VALUE);
  }

  private static Path sibling(Path path, String suffix) {
    return path.resolveSibling(path.getFileName() + suffix);
  }
}
