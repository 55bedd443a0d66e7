package io.framepipeline.common.transport;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.security.SecureRandom;
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
final class Presence implements AutoCloseable {
  /** An inbox's owner, as of the last look. */
  static final class Owner {
    private static final int UNKNOWN = 0;
    private static final int ALIVE = 1;
    private static final int DEAD = 2;

    private final long position;
    private volatile int state = UNKNOWN;

    private Owner(long position) {
      this.position = position;
    }

    boolean isAlive() {
      return state == ALIVE;
    }

    boolean isDead() {
      return state == DEAD;
    }
  }

  private static final SecureRandom RANDOM = new SecureRandom();

  private final FileChannel file;
  private final CopyOnWriteArrayList<Owner> owners = new CopyOnWriteArrayList<>();

  Presence(Path aeronDirectory) throws IOException {
    this.file =
        FileChannel.open(
            file(aeronDirectory),
            StandardOpenOption.CREATE,
            StandardOpenOption.READ,
            StandardOpenOption.WRITE);
  }

  /** Where the locks of a driver's clients are. */
  static Path file(Path aeronDirectory) {
    // Beside the directory: the driver deletes that whole, and fails if something comes in between.
    return aeronDirectory.resolveSibling(aeronDirectory.getFileName() + ".inboxes");
  }

  /**
   * Locks a byte for as long as this is open; a random one, since the file outlives drivers.
   *
   * @return its number, for {@link #watch}
   */
  long claim() throws IOException {
    long position = RANDOM.nextLong(Long.MAX_VALUE);
    file.lock(position, 1, false);
    return position;
  }

  /** Has the owner of a byte looked after. */
  Owner watch(long position) {
    Owner owner = new Owner(position);
    owners.add(owner);
    return owner;
  }

  void unwatch(Owner owner) {
    owners.remove(owner);
  }

  /** Looks who has died. Death is for good: nobody takes the same byte again. */
  void look() throws IOException {
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
