package io.framepipeline.common.linux;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;

/**
 * Tells which processes are alive, as the kernel knows it. The owner of an inbox holds a lock on
 * one byte of a file that all processes share. The inbox's counter says which byte. The kernel
 * frees the lock when the process dies, however it dies, and never before: not while the process is
 * stopped, starved or in another PID namespace. So a death is seen in milliseconds. A heartbeat
 * takes seconds, and cannot tell a death from a pause.
 *
 * <p>A process gives up its memory before its files. Once its lock is free, it can no longer write
 * to a log or send an answer.
 *
 * <p>The locks are POSIX record locks. A process opens the file only once, because closing any
 * descriptor would release all its locks.
 */
public final class ProcessLiveness implements AutoCloseable {
  /** An inbox's owner, as it was at the last look. */
  public static final class Owner {
    private static final int UNKNOWN = 0;
    private static final int ALIVE = 1;
    private static final int DEAD = 2;

    private final long position;
    private volatile int state = UNKNOWN;

    private Owner(long position) {
      this.position = position;
    }

    public boolean isAlive() {
      return state == ALIVE;
    }

    public boolean isDead() {
      return state == DEAD;
    }
  }

  private static final SecureRandom RANDOM = new SecureRandom();

  /** More than one attempt fails only if another program has locked many bytes, or all. */
  private static final int CLAIM_ATTEMPTS = 4;

  private final FileChannel file;

  /** Kept, because Java knows a lock as this process's own only while something refers to it. */
  private final List<FileLock> claims = new ArrayList<>();

  private final CopyOnWriteArrayList<Owner> owners = new CopyOnWriteArrayList<>();

  public ProcessLiveness(Path aeronDirectory) throws IOException {
    this.file = OwnFiles.openOrCreate(file(aeronDirectory));
  }

  /** The file of the locks of a driver's clients. */
  public static Path file(Path aeronDirectory) {
    // Beside the directory, because the driver deletes the whole directory and fails if a file
    // appears in it meanwhile.
    return aeronDirectory.resolveSibling(aeronDirectory.getFileName() + ".inboxes");
  }

  /**
   * Locks a byte until this object is closed. The byte is random, because the file outlives
   * drivers. Waits for no other process.
   *
   * @return the byte's number, for {@link #watch}
   * @throws IOException if another program has locked every byte that was tried
   */
  public long claim() throws IOException {
    for (int attempt = 0; attempt < CLAIM_ATTEMPTS; attempt++) {
      long position = RANDOM.nextLong(Long.MAX_VALUE);
      FileLock lock = file.tryLock(position, 1, false);
      if (lock != null) {
        claims.add(lock);
        return position;
      }
    }
    throw new IOException("another program has locked the file of the locks");
  }

  /** Whether this is the number of a byte that can be locked. */
  public static boolean isPosition(long position) {
    return position >= 0 && position < Long.MAX_VALUE;
  }

  /** Starts to watch the owner of a byte. */
  public Owner watch(long position) {
    Owner owner = new Owner(position);
    owners.add(owner);
    return owner;
  }

  public void unwatch(Owner owner) {
    owners.remove(owner);
  }

  /** Looks which owners have died. Death is final: no process locks the same byte again. */
  public void look() throws IOException {
    for (Owner owner : owners) {
      if (owner.state != Owner.DEAD) {
        owner.state = isLocked(owner.position) ? Owner.ALIVE : Owner.DEAD;
      }
    }
  }

  @Override
  public void close() throws IOException {
    file.close();
  }

  /**
   * Tests by taking a shared lock for a moment. Processes that test at once do not see each other.
   */
  private boolean isLocked(long position) throws IOException {
    try (FileLock lock = file.tryLock(position, 1, true)) {
      return lock == null;
    } catch (OverlappingFileLockException e) {
      // Held by this process.
      return true;
    }
  }
}
