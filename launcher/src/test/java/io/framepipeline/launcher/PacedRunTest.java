package io.framepipeline.launcher;

import static org.assertj.core.api.Assertions.assertThat;

import io.framepipeline.common.config.Settings;
import io.framepipeline.common.linux.PipelineCpu;
import io.framepipeline.common.service.CommonSettings;
import io.framepipeline.common.wire.Frames;
import io.framepipeline.reader.ReaderSettings;
import java.util.BitSet;
import java.util.Map;
import java.util.OptionalLong;
import java.util.Properties;
import org.junit.jupiter.api.Test;

class PacedRunTest {
  private static final BitSet FIVE_AND_SEVEN = BitSet.valueOf(new long[] {1 << 5 | 1 << 7});
  private static final Map<String, String> ON_THE_LAST = Map.of("PIPELINE_CPU", "7");

  @Test
  void shouldKeepToTheLastCpuWhatOneCanHold() {
    PacedRun run = new PacedRun(OptionalLong.of(5_000), FIVE_AND_SEVEN);

    assertThat(run.settings(1)).isEqualTo(ON_THE_LAST);
    assertThat(run.settings(2)).isEqualTo(ON_THE_LAST);
  }

  @Test
  void shouldLeaveFasterRunsToTheKernel() {
    assertThat(new PacedRun(OptionalLong.of(10_001), FIVE_AND_SEVEN).settings(1)).isEmpty();
    assertThat(new PacedRun(OptionalLong.empty(), FIVE_AND_SEVEN).settings(1)).isEmpty();
  }

  @Test
  void shouldLeaveToTheKernelWhatIsStartedWhenReadersHaveBecomeMany() {
    PacedRun run = new PacedRun(OptionalLong.of(5_000), FIVE_AND_SEVEN);

    assertThat(run.settings(3)).isEmpty();
  }

  @Test
  void shouldChooseNothingWhereTheCpusAreNotKnown() {
    assertThat(new PacedRun(OptionalLong.of(1), new BitSet()).settings(1)).isEmpty();
  }

  @Test
  void shouldChooseACpuForASlowRunUnlessOneIsChosen() {
    String last = Integer.toString(PipelineCpu.usable().length() - 1);

    assertThat(of(Map.of("READER_RATE", "9")).settings(1)).isEqualTo(Map.of("PIPELINE_CPU", last));
    assertThat(of(Map.of("READER_RATE", "9", "PIPELINE_CPU", last)).settings(1)).isEmpty();
  }

  /** Three that spin on one CPU would each wait for the others' turns. */
  @Test
  void shouldLeaveToTheKernelWhoNeverSleeps() {
    assertThat(of(Map.of("READER_RATE", "9", "IDLE_STRATEGY", "spin")).settings(1)).isEmpty();
  }

  private static PacedRun of(Map<String, String> environment) {
    Settings settings = new Settings(environment, new Properties());
    return PacedRun.of(
        CommonSettings.read(settings), ReaderSettings.read(settings, Frames.DEFAULT_WINDOW_FRAMES));
  }
}
