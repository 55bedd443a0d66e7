package io.framepipeline.common.service;

import io.aeron.CommonContext;
import io.framepipeline.common.config.ExitCode;
import io.framepipeline.common.config.ExitException;
import io.framepipeline.common.config.Settings;
import io.framepipeline.common.linux.PipelineCpu;
import io.framepipeline.common.transport.Channels;
import io.framepipeline.common.transport.SharedMemorySize;
import java.nio.file.Path;
import java.util.OptionalLong;

/**
 * The settings that every service has.
 *
 * @param aeronDirectory {@code AERON_DIR}: where the media driver's files are
 * @param channels made from {@code PIPELINE_CHANNEL}
 * @param idleMode {@code IDLE_STRATEGY}
 * @param cpu {@code PIPELINE_CPU}
 * @param metricsPort {@code METRICS_PORT}; 0 for any free port
 * @param sharedMemoryLimit {@code PIPELINE_SHARED_MEMORY}; empty if the file system has it
 */
public record CommonSettings(
    Path aeronDirectory,
    Channels channels,
    IdleMode idleMode,
    PipelineCpu cpu,
    int metricsPort,
    OptionalLong sharedMemoryLimit) {
  private static final int DEFAULT_METRICS_PORT = 9400;
  private static final int MAX_PORT = 65_535;

  /**
   * Reads and checks the settings.
   *
   * @throws ExitException with {@link ExitCode#USAGE} if one is malformed
   */
  public static CommonSettings read(Settings settings) {
    return new CommonSettings(
        settings.path("AERON_DIR", CommonContext.AERON_DIR_PROP_DEFAULT),
        Channels.of(settings.text("PIPELINE_CHANNEL", Channels.DEFAULT)),
        IdleMode.read(settings),
        PipelineCpu.read(settings),
        (int) settings.number("METRICS_PORT", DEFAULT_METRICS_PORT, 0, MAX_PORT),
        settings.optionalBytes("PIPELINE_SHARED_MEMORY"));
  }

  /** The shared memory of the pipeline at this moment. */
  public SharedMemorySize sharedMemory() {
    return new SharedMemorySize(aeronDirectory, channels, sharedMemoryLimit);
  }
}
