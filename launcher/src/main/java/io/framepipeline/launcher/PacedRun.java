package io.framepipeline.launcher;

import io.framepipeline.common.config.ExitCode;
import io.framepipeline.common.config.ExitException;
import io.framepipeline.common.config.Settings;
import io.framepipeline.common.linux.PipelineCpu;
import io.framepipeline.common.service.IdleMode;
import io.framepipeline.reader.ReaderSettings;
import java.util.BitSet;
import java.util.Map;
import java.util.OptionalLong;

/**
 * Has what is started keep to one processor as long as that can hold the run's pace. Frames then
 * pass sooner, see {@link PipelineCpu}; faster ones need all processors, and so does who never
 * sleeps.
 */
final class PacedRun {
  /**
   * Takes three quarters of a processor that reads 4096 bytes of /dev/urandom in 15 µs; behind its
   * schedule it does twice as many, see docs/performance.md.
   */
  private static final long MAX_FRAMES_PER_SECOND = 10_000;

  private final OptionalLong framesPerSecond;
  private final Map<String, String> oneProcessor;

  /**
   * @param framesPerSecond of each reader; empty: as fast as it goes
   * @param allowed the processors to choose from; none: not for this command to choose
   */
  PacedRun(OptionalLong framesPerSecond, BitSet allowed) {
    this.framesPerSecond = framesPerSecond;
    // The first is where most kernels have interrupts handled.
    this.oneProcessor =
        allowed.isEmpty()
            ? Map.of()
            : Map.of(PipelineCpu.SETTING, Integer.toString(allowed.length() - 1));
  }

  /**
   * Reads the settings of the services.
   *
   * @throws ExitException with {@link ExitCode#USAGE} if one that matters here is wrong
   */
  static PacedRun read(Settings settings) {
    OptionalLong framesPerSecond = ReaderSettings.readRate(settings);
    boolean sleeps = IdleMode.read(settings) == IdleMode.BACKOFF;
    boolean isChosen = PipelineCpu.read(settings).isChosen();
    boolean isToChoose = framesPerSecond.isPresent() && sleeps && !isChosen;
    return new PacedRun(framesPerSecond, isToChoose ? PipelineCpu.usable() : new BitSet());
  }

  /**
   * The settings of an instance that is started now.
   *
   * @param readers as many as are asked for now
   */
  Map<String, String> settings(int readers) {
    boolean isSlow =
        framesPerSecond.isPresent()
            && framesPerSecond.getAsLong() <= MAX_FRAMES_PER_SECOND / readers;
    return isSlow ? oneProcessor : Map.of();
  }
}
