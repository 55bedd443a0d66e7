package io.framepipeline.common.linux;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.awaitility.Awaitility.await;

import io.framepipeline.common.config.ExitException;
import io.framepipeline.common.config.Settings;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.BitSet;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PipelineCpuTest {
  private static final String SCHED_OTHER = "0";
  private static final String SCHED_BATCH = "3";

  /**
   * See proc_pid_stat(5); counted from what follows the name in parentheses, which is the second.
   */
  private static final int POLICY_FIELD = 41 - 3;

  private final int last = PipelineCpu.usable().length() - 1;
  private final CountDownLatch isOver = new CountDownLatch(1);

  @AfterEach
  void endThreads() {
    isOver.countDown();
  }

  @Test
  void shouldReadTheKernelsLists() {
    assertThat(PipelineCpu.parse("Cpus_allowed_list:\t0-2,5,64-65"))
        .isEqualTo(bits(0, 1, 2, 5, 64, 65));
    assertThat(PipelineCpu.parse("7")).isEqualTo(bits(7));
  }

  @Test
  void shouldNotTakeCpusThatAreOfflineForUsable(@TempDir Path directory) throws IOException {
    Files.writeString(directory.resolve("status"), "Name:\tjava\nCpus_allowed_list:\t0-3,6-7\n");
    Path online = Files.writeString(directory.resolve("online"), "0-1,3-6\n");

    assertThat(PipelineCpu.usable(directory, online)).isEqualTo(bits(0, 1, 3, 6));
    assertThat(PipelineCpu.usable(directory, directory.resolve("missing")))
        .isEqualTo(bits(0, 1, 2, 3, 6, 7));
  }

  @Test
  void shouldKeepThreadsToTheCpuAndLeaveOthersAlone() {
    PipelineCpu cpu = read(Integer.toString(last));

    Path passing = startThread(PipelineCpu::takeShortSlices, cpu);
    Path reading = startThread(PipelineCpu::takeLongSlices, cpu);
    Path neither = startThread(any -> {}, cpu);

    await()
        .until(
            () ->
                PipelineCpu.allowed(passing).equals(bits(last))
                    && PipelineCpu.allowed(reading).equals(bits(last)));
    assertThat(PipelineCpu.allowed(neither)).isEqualTo(PipelineCpu.allowed(Path.of("/proc/self")));
    await().until(() -> policy(passing).equals(SCHED_OTHER));
    await().until(() -> policy(reading).equals(SCHED_BATCH));
  }

  @Test
  void shouldArrangeNothingUnlessOneIsNamed() {
    assertThat(read("").isChosen()).isFalse();
    assertThat(PipelineCpu.any().isChosen()).isFalse();
    assertThat(read(Integer.toString(last)).isChosen()).isTrue();
  }

  @Test
  void shouldRefuseACpuThatThisProcessMayNotUse() {
    assertThatExceptionOfType(ExitException.class)
        .isThrownBy(() -> read("8191"))
        .withMessageStartingWith("PIPELINE_CPU=8191: must be a CPU that this process may use");
  }

  private Path startThread(Consumer<PipelineCpu> wish, PipelineCpu cpu) {
    AtomicInteger id = new AtomicInteger();
    Thread.ofPlatform()
        .daemon()
        .start(
            () -> {
              try {
                wish.accept(cpu);
                id.set(LinuxThread.currentId());
                isOver.await();
              } catch (IOException | InterruptedException e) {
                throw new IllegalStateException(e);
              }
            });
    await().until(() -> id.get() != 0);
    return Path.of("/proc/self/task", Integer.toString(id.get()));
  }

  private static PipelineCpu read(String value) {
    return PipelineCpu.read(new Settings(Map.of("PIPELINE_CPU", value), new Properties()));
  }

  private static String policy(Path thread) throws IOException {
    String stat = Files.readString(thread.resolve("stat"));
    return stat.substring(stat.lastIndexOf(')') + 2).split(" ", -1)[POLICY_FIELD];
  }

  private static BitSet bits(int... cpus) {
    BitSet bits = new BitSet();
    for (int cpu : cpus) {
      bits.set(cpu);
    }
    return bits;
  }
}
