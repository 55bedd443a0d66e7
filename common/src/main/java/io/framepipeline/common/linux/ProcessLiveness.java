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
 * Who is alive, as the kernel knows it: the owner of an inbox holds a lock on one byte of a file
 * that all share; which byte, its counter says. The kernel gives the lock back when the process
 * dies, however it dies, and never before: not while it is stopped, starved or in another PID
 * namespace. So a death is seen in milliseconds, where a heartbeat takes seconds and cannot be told
 * from a pause.
 *
 * <p>A process gives up its memory before its files. Once its lock is free it can neither write to
 * a log nor send an acknowledgement any more.
 *
 * <p>The locks are POSIX record locks: a process has the file open once, since closing any
 * descriptor would release them all.
 */
public final class ProcessLiveness implements AutoCloseable {
  /** An inbox's owner, as of the last look. */
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

  /** More than one fails only if somebody has locked many bytes, or all. */
  private static final int CLAIM_ATTEMPTS = 4;

  private final FileChannel file;

  /**
   * To be remembered: Java knows a lock as this process's own only as long as it is referred to.
   */
  private final List<FileLock> claims = new ArrayList<>();

  private final CopyOnWriteArrayList<Owner> owners = new CopyOnWriteArrayList<>();

  public ProcessLiveness(Path aeronDirectory) throws IOException {
    this.file = OwnFiles.openOrCreate(file(aeronDirectory));
  }

  /** Where the locks of a driver's clients are. */
  public static Path file(Path aeronDirectory) {
    // Beside the directory: the driver deletes that whole, and fails if something comes in between.
    return aeronDirectory.resolveSibling(aeronDirectory.getFileName() + ".inboxes");
  }

  /**
   * Locks a byte for as long as this is open; a random one, since the file outlives drivers. Waits
   * for nobody.
   *
   * @return its number, for {@link #watch}
   * @throws IOException if somebody else has locked every byte that was tried
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

  /** Whether there is such a byte to lock. */
  public static boolean isPosition(long position) {
    return position >= 0 && position < Long.MAX_VALUE;
  }

  /** Has the owner of a byte looked after. */
  public Owner watch(long position) {
    Owner owner = new Owner(position);
    owners.add(owner);
    return owner;
  }

  public void unwatch(Owner owner) {
    owners.remove(owner);
  }

  /** Looks who has died. Death is for good: nobody takes the same byte again. */
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

  /** Asks by taking a shared lock for a moment: those who ask do not see each other. */
  private boolean isLocked(long position) throws IOException {
    try (FileLock lock = file.tryLock(position, 1, true)) {
      return lock == null;
    } catch (OverlappingFileLockException e) {
      // Held in this process.
      return true;
    }
  }
}
