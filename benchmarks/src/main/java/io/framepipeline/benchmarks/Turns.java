package io.framepipeline.benchmarks;

import io.framepipeline.common.config.ExitCode;
import io.framepipeline.common.config.ExitException;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BiConsumer;
import java.util.stream.Stream;
import org.agrona.CloseHelper;

/**
 * Contenders for the same CPUs that are started once and measured in short turns, while all others
 * are stopped. A machine whose neighbours come and go is another one a few seconds later: only what
 * was measured within the same seconds can be compared.
 */
final class Turns implements AutoCloseable {
  /** A sender that goes on gives a receiver more every 20 ms, as it sees it work. */
  private static final long SETTLE_NANOS = TimeUnit.MILLISECONDS.toNanos(300);

  private static final long TURN_NANOS = TimeUnit.MILLISECONDS.toNanos(500);

  private static final long END_LIMIT_NANOS = TimeUnit.SECONDS.toNanos(10);

  private static final long END_POLL_NANOS = TimeUnit.MILLISECONDS.toNanos(100);

  /** Each is stopped for the turns of all others; the driver evicts a client that is for 5 s. */
  private static final int MAX_CONTENDERS = 5;

  private final Map<String, Contender> contenders = new LinkedHashMap<>();

  /** Adds who has just been started, and stops it until its turn. */
  void add(String name, Contender contender) {
    if (contenders.size() == MAX_CONTENDERS) {
      throw new IllegalStateException("too many to be stopped in turn");
    }
    contenders.put(name, contender);
    contender.awaitFirstFrame();
    signal(contender, "STOP");
  }

  /** Lets each have so many turns, unmeasured, for compilers to do their work. */
  void warmUp(int turns) {
    take(turns, (name, sample) -> {});
  }

  /** Measures each in so many turns. */
  void take(int turns, BiConsumer<String, Progress.Sample> onSample) {
    for (int turn = 0; turn < turns; turn++) {
      contenders.forEach(
          (name, contender) -> {
            signal(contender, "CONT");
            LockSupport.parkNanos(SETTLE_NANOS);
            Progress from = contender.now();
            LockSupport.parkNanos(TURN_NANOS);
            Progress to = contender.now();
            signal(contender, "STOP");
            onSample.accept(name, to.since(from));
          });
    }
  }

  /** Ends all of them, even if one cannot be ended in order: who is stopped would stay so. */
  @Override
  public void close() {
    try {
      contenders.values().forEach(contender -> signal(contender, "CONT"));
    } finally {
      CloseHelper.closeAll(contenders.values());
    }
  }

  /** Ends what this process has started, for its own end by a signal. */
  static void endChildren() {
    long deadlineNanos = System.nanoTime() + END_LIMIT_NANOS;
    Set<ProcessHandle> told = new HashSet<>();
    // The main thread goes on meanwhile: it may start another, or stop one for the next turn.
    while (ProcessHandle.current().children().anyMatch(ProcessHandle::isAlive)
        && System.nanoTime() - deadlineNanos < 0) {
      ProcessHandle.current().children().filter(told::add).forEach(ProcessHandle::destroy);
      signal(ProcessHandle.current().descendants(), "CONT");
      LockSupport.parkNanos(END_POLL_NANOS);
    }
  }

  private static void signal(Contender contender, String name) {
    signal(Stream.concat(Stream.of(contender.process()), contender.process().descendants()), name);
  }

  private static void signal(Stream<ProcessHandle> processes, String name) {
    List<String> command = new ArrayList<>(List.of("kill", "-" + name));
    processes.forEach(process -> command.add(Long.toString(process.pid())));
    try {
      new ProcessBuilder(command).start().waitFor();
    } catch (IOException e) {
      throw new ExitException(ExitCode.INTERNAL, "cannot run kill: " + e.getMessage());
    } catch (InterruptedException e) {
      throw new ExitException(ExitCode.INTERNAL, "interrupted");
    }
  }
}
