package io.framepipeline.launcher;

import io.framepipeline.common.linux.PipelineCpu;
import io.framepipeline.common.service.CommonSettings;
import io.framepipeline.common.service.IdleMode;
import io.framepipeline.reader.ReaderSettings;
import java.util.BitSet;
import java.util.Map;
import java.util.OptionalLong;

/**
 * Pins a run's services to one CPU while that CPU can keep up with its rate. Frames then pass
 * sooner, see {@link PipelineCpu}. A faster run needs all CPUs, and so does a run whose services
 * never sleep.
 */
final class PacedRun {
  /**
   * This rate takes three quarters of a CPU that reads 4096 bytes of /dev/urandom in 15 µs. A run
   * that is behind its schedule reaches twice this rate, see docs/performance.md.
   */
  private static final long MAX_FRAMES_PER_SECOND = 10_000;

  private final OptionalLong framesPerSecond;
  private final Map<String, String> oneCpu;

  /**
   * @param framesPerSecond of each reader; empty: as fast as possible
   * @param allowed the CPUs to choose from; none: this command is not to choose
   */
  PacedRun(OptionalLong framesPerSecond, BitSet allowed) {
    this.framesPerSecond = framesPerSecond;
    // The last one, since most kernels handle interrupts on the first.
    this.oneCpu =
        allowed.isEmpty()
            ? Map.of()
            : Map.of(PipelineCpu.SETTING, Integer.toString(allowed.length() - 1));
  }

  /** Chooses a CPU only if the services sleep and the settings name none. */
  static PacedRun of(CommonSettings common, ReaderSettings reader) {
    boolean isToChoose =
        reader.framesPerSecond().isPresent()
            && common.idleMode() == IdleMode.BACKOFF
            && !common.cpu().isChosen();
    return new PacedRun(reader.framesPerSecond(), isToChoose ? PipelineCpu.usable() : new BitSet());
  }

  /**
   * Returns the settings for an instance that starts now.
   *
   * @param readers how many readers are asked for now
   */
  Map<String, String> settings(int readers) {
    boolean isSlow =
        framesPerSecond.isPresent()
            && framesPerSecond.getAsLong() <= MAX_FRAMES_PER_SECOND / readers;
    return isSlow ? oneCpu : Map.of();
  }
}
