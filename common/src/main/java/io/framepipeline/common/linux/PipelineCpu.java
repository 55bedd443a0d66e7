package io.framepipeline.common.linux;

import io.framepipeline.common.config.ExitCode;
import io.framepipeline.common.config.ExitException;
import io.framepipeline.common.config.Settings;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.BitSet;
import java.util.OptionalLong;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The CPU that all threads through which frames pass share, if {@code PIPELINE_CPU} names one.
 * Waking a thread takes tens of microseconds if it is on another CPU that has halted, and two on
 * the same CPU. A rate with which one CPU can keep up needs no others.
 *
 * <p>On this CPU the reading thread gets long slices, as a batch process. The threads that pass its
 * frames on get short slices. So the kernel lets such a thread preempt the reading thread when it
 * wakes. A short slice asks for low latency, see sched(7) and {@code sched_runtime} in
 * sched_setattr(2). Linux before 6.12 ignores it.
 *
 * <p>A request takes effect three seconds after the thread made it. Until its code is compiled, a
 * thread takes several times as long, and one CPU would not be enough. A process that starts also
 * has much other work, and may use every CPU for that.
 */
public final class PipelineCpu {
  public static final String SETTING = "PIPELINE_CPU";

  private static final Logger LOG = LoggerFactory.getLogger(PipelineCpu.class);
  private static final Path PROCESS = Path.of("/proc/self");
  private static final Path ONLINE = Path.of("/sys/devices/system/cpu/online");
  private static final Pattern RANGE = Pattern.compile("(\\d+)(?:-(\\d+))?");
  private static final int MAX_CPU = 8191;
  private static final long DELAY_NANOS = TimeUnit.SECONDS.toNanos(3);
  private static final long SHORT_SLICE_NANOS = TimeUnit.MICROSECONDS.toNanos(100);

  private static final int SCHED_OTHER = 0;
  private static final int SCHED_BATCH = 3;

  // struct sched_attr, see sched_setattr(2)
  private static final long ATTRIBUTES_LENGTH = 48;
  private static final long POLICY_OFFSET = 4;
  private static final long RUNTIME_OFFSET = 24;

  private static final int NONE = -1;

  private final int cpu;

  private PipelineCpu(int cpu) {
    this.cpu = cpu;
  }

  /** No CPU: threads run wherever the kernel puts them. */
  public static PipelineCpu any() {
    return new PipelineCpu(NONE);
  }

  /**
   * Reads the setting.
   *
   * @throws ExitException with {@link ExitCode#USAGE} if this process may not run on that CPU
   */
  public static PipelineCpu read(Settings settings) {
    OptionalLong number = settings.optionalNumber(SETTING, 0, MAX_CPU);
    if (number.isEmpty()) {
      return any();
    }
    int cpu = (int) number.getAsLong();
    BitSet usable = usable();
    if (!usable.get(cpu)) {
      throw Settings.malformed(
          SETTING, Integer.toString(cpu), "a CPU that this process may use, of " + usable);
    }
    return new PipelineCpu(cpu);
  }

  /** Whether the setting names a CPU. */
  public boolean isChosen() {
    return cpu != NONE;
  }

  /** The CPUs that this process can use; none if the kernel does not tell. */
  public static BitSet usable() {
    return usable(PROCESS, ONLINE);
  }

  /** A thread cannot use a CPU that is offline, even if it is allowed to. */
  static BitSet usable(Path thread, Path online) {
    BitSet usable = allowed(thread);
    try {
      usable.and(parse(Files.readString(online)));
    } catch (IOException e) {
      // The kernel does not tell here. Most machines have no CPU offline.
    }
    return usable;
  }

  /**
   * The CPUs that a thread may use, online or not.
   *
   * @param thread its directory in /proc
   */
  static BitSet allowed(Path thread) {
    try {
      return Files.readAllLines(thread.resolve("status")).stream()
          .filter(line -> line.startsWith("Cpus_allowed_list:"))
          .findFirst()
          .map(PipelineCpu::parse)
          .orElseGet(BitSet::new);
    } catch (IOException e) {
      return new BitSet();
    }
  }

  /** Parses a list such as {@code 0-2,5}. */
  static BitSet parse(String list) {
    BitSet cpus = new BitSet();
    for (Matcher range = RANGE.matcher(list); range.find(); ) {
      int first = Integer.parseInt(range.group(1));
      int last = range.group(2) == null ? first : Integer.parseInt(range.group(2));
      cpus.set(first, last + 1);
    }
    return cpus;
  }

  /** Call this on a thread that passes frames on and is woken for that. */
  public void takeShortSlices() {
    arrangeLater(SCHED_OTHER, SHORT_SLICE_NANOS);
  }

  /** Call this on a thread that wakes others, which then wait until this thread leaves the CPU. */
  public void takeLongSlices() {
    arrangeLater(SCHED_BATCH, 0);
  }

  private void arrangeLater(int policy, long sliceNanos) {
    if (!isChosen()) {
      return;
    }
    try {
      int thread = LinuxThread.currentId();
      Thread.ofPlatform()
          .name("pipeline-cpu")
          .daemon()
          .start(
              () -> {
                LockSupport.parkNanos(DELAY_NANOS);
                arrange(thread, policy, sliceNanos);
              });
    } catch (IOException e) {
      tellOfFailure(e.toString());
    }
  }

  private void arrange(int thread, int policy, long sliceNanos) {
    try (Arena arena = Arena.ofConfined()) {
      // The thread may have ended, and its number may belong to another process.
      if (Files.exists(Path.of("/proc/self/task", Integer.toString(thread)))
          && !(setPolicy(arena, thread, policy, sliceNanos) && setAffinity(arena, thread))) {
        tellOfFailure("the kernel refuses");
      }
    } catch (LinkageError e) {
      tellOfFailure("system calls are not to be had: " + e);
    }
  }

  private boolean setAffinity(Arena arena, int thread) {
    MemorySegment mask = arena.allocate((MAX_CPU + 1) / Byte.SIZE, Long.BYTES);
    mask.set(ValueLayout.JAVA_BYTE, cpu / Byte.SIZE, (byte) (1 << cpu % Byte.SIZE));
    return Syscall.call(Syscall.SCHED_SETAFFINITY, thread, mask.byteSize(), mask.address(), 0) == 0;
  }

  /** Leaves a thread alone if a user or another program gave it another policy. */
  private static boolean setPolicy(Arena arena, int thread, int policy, long sliceNanos) {
    MemorySegment attributes = arena.allocate(ATTRIBUTES_LENGTH, Long.BYTES);
    long address = attributes.address();
    if (Syscall.call(Syscall.SCHED_GETATTR, thread, address, ATTRIBUTES_LENGTH, 0) != 0) {
      return false;
    }
    int present = attributes.get(ValueLayout.JAVA_INT, POLICY_OFFSET);
    if (present != SCHED_OTHER && present != SCHED_BATCH) {
      return true;
    }
    attributes.set(ValueLayout.JAVA_INT, POLICY_OFFSET, policy);
    attributes.set(ValueLayout.JAVA_LONG, RUNTIME_OFFSET, sliceNanos);
    return Syscall.call(Syscall.SCHED_SETATTR, thread, address, 0, 0) == 0;
  }

  private static void tellOfFailure(String why) {
    LOG.warn("frames may take longer than they need: no place on {}: {}", SETTING, why);
  }
}
