package io.framepipeline.common.transport;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
import io.framepipeline.common.linux.Futex;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.agrona.concurrent.IdleStrategy;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(60)
class DoorbellsTest {
  private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();
  private static final long FOR_EVER_NANOS = TimeUnit.HOURS.toNanos(1);
  private static final int MESSAGES = 20_000;

  @TempDir private Path directory;
  private Path aeronDirectory;

  @BeforeEach
  void linkFutex() throws IOException {
    aeronDirectory = directory.resolve("aeron");
    Doorbells.ofDriver(aeronDirectory);
    assertThat(Futex.IS_AVAILABLE).isTrue();
  }

  @Test
  void shouldWakeASleeperForEachMessage() throws Exception {
    Doorbells ringer = Doorbells.ofClient(aeronDirectory, 1);
    Doorbells sleeper = Doorbells.ofClient(aeronDirectory, 2);
    AtomicLong sent = new AtomicLong();
    AtomicLong received = new AtomicLong();
    IdleStrategy idleStrategy = sleeper.newIdleStrategy(FOR_EVER_NANOS);
    Thread thread =
        start(
            () -> {
              while (received.get() < MESSAGES) {
                idleStrategy.idle((int) (sent.get() - received.get()));
                received.set(sent.get());
              }
            });

    for (int i = 1; i <= MESSAGES; i++) {
      sent.set(i);
      ringer.ring(sleeper.own());
      while (received.get() < i) {
        Thread.onSpinWait();
      }
    }

    thread.join();
  }

  @Test
  void shouldLookForWorkWithoutBeingWoken() throws IOException {
    IdleStrategy idleStrategy = Doorbells.ofClient(aeronDirectory, 1).newIdleStrategy();
    for (int i = 0; i < 10; i++) {
      idleStrategy.idle(0);
    }
  }

  @Test
  void shouldWakeASenderForEachLimitThatTheDriverMoves() throws Exception {
    Doorbells sender = Doorbells.ofClient(aeronDirectory, 3);
    Doorbells receiver = Doorbells.ofClient(aeronDirectory, 4);
    Doorbells driver = Doorbells.ofDriver(aeronDirectory);
    AtomicLong position = new AtomicLong();
    AtomicLong read = new AtomicLong();
    AtomicLong limit = new AtomicLong();
    IdleStrategy driverIdleStrategy = driver.newIdleStrategy(FOR_EVER_NANOS);
    IdleStrategy senderIdleStrategy = sender.newIdleStrategy(FOR_EVER_NANOS);
    Thread driverThread =
        start(
            () -> {
              while (limit.get() < MESSAGES) {
                boolean isMoved = limit.getAndSet(read.get()) < limit.get();
                if (isMoved) {
                  driver.wakeWantingRoom();
                }
                driverIdleStrategy.idle(isMoved ? 1 : 0);
              }
            });
    Thread senderThread =
        start(
            () -> {
              while (position.get() < MESSAGES) {
                boolean hasRoom = position.get() < limit.get();
                if (hasRoom) {
                  position.incrementAndGet();
                } else {
                  sender.wantRoom();
                  if (read.get() > limit.get()) {
                    sender.ringDriver();
                  }
                }
                senderIdleStrategy.idle(hasRoom ? 1 : 0);
              }
            });

    for (int i = 1; i <= MESSAGES; i++) {
      read.set(i);
      receiver.ringDriver();
      while (position.get() < i) {
        Thread.onSpinWait();
      }
    }

    driverThread.join();
    senderThread.join();
  }

  @Test
  void shouldWakeForAcksWhoeverWantsThemAndNobodyElse() throws Exception {
    Doorbells reader = Doorbells.ofClient(aeronDirectory, 6);
    Doorbells norm = Doorbells.ofClient(aeronDirectory, 7);
    AtomicLong acks = new AtomicLong();
    AtomicLong taken = new AtomicLong();
    IdleStrategy idleStrategy = reader.newIdleStrategy(FOR_EVER_NANOS);
    Thread readerThread =
        start(
            () -> {
              while (taken.get() < MESSAGES) {
                reader.wantAnswers();
                boolean isNew = taken.getAndSet(acks.get()) < taken.get();
                idleStrategy.idle(isNew ? 1 : 0);
              }
            });

    for (int i = 1; i <= MESSAGES; i++) {
      acks.set(i);
      norm.wakeWantingRoom();
      norm.wakeWantingAnswers();
      while (taken.get() < i) {
        Thread.onSpinWait();
      }
    }

    readerThread.join();
    assertThat(norm.wakeWantingRoom()).as("asked for room").isFalse();
  }

  /** It is read from shared memory, where any client can write one. */
  @Test
  void shouldTakeAnyNumberForSomebodysDoorbell() throws IOException {
    Doorbells ringer = Doorbells.ofClient(aeronDirectory, 1);
    for (int doorbell : new int[] {-1, 64, 67, Integer.MAX_VALUE, Integer.MIN_VALUE}) {
      ringer.ring(doorbell);
    }

    IdleStrategy sleeper = Doorbells.ofClient(aeronDirectory, 2).newIdleStrategy(FOR_EVER_NANOS);
    sleeper.idle(0);
    ringer.ring(2 - Long.SIZE);
    sleeper.idle(0);
  }

  @Test
  void shouldAllocateNothing() throws IOException {
    Doorbells doorbells = Doorbells.ofClient(aeronDirectory, 5);
    IdleStrategy idleStrategy = doorbells.newIdleStrategy();
    long fewest = Long.MAX_VALUE;
    // The first rounds may be interpreted, which allocates.
    for (int round = 0; round < 200 && fewest > 0; round++) {
      long before = THREADS.getCurrentThreadAllocatedBytes();
      for (int i = 0; i < 100; i++) {
        idleStrategy.idle(0);
        doorbells.wantRoom();
        doorbells.ringOwn();
        doorbells.wantAnswers();
        doorbells.wakeWantingAnswers();
        doorbells.ringDriver();
        doorbells.wakeWantingRoom();
        idleStrategy.idle(0);
      }
      fewest = Math.min(fewest, THREADS.getCurrentThreadAllocatedBytes() - before);
    }
    assertThat(fewest).isZero();
  }

  private static Thread start(Runnable duty) {
    return Thread.ofPlatform().daemon().start(duty);
  }
}
