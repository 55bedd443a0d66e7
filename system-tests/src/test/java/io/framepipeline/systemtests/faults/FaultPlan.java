package io.framepipeline.systemtests.faults;

import java.io.IOException;
import java.io.Reader;
import java.io.UncheckedIOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.OptionalLong;
import java.util.Properties;
import java.util.concurrent.TimeUnit;

/**
 * Which faults there are, as a process sees it: a properties file that is looked at again and
 * again, so that a test can change it while the process runs. Used by one thread, the duty cycle's.
 */
final class FaultPlan {
  private static final long INTERVAL_NANOS = TimeUnit.MILLISECONDS.toNanos(20);

  private final Path file;
  private final String pid = Long.toString(ProcessHandle.current().pid());
  private Properties properties = new Properties();
  private long nextLookNanos;
  private boolean hasLooked;

  FaultPlan(Path file) {
    this.file = file;
  }

  /** A fault's figure for a stage, if the plan has it. */
  OptionalLong ofStage(FaultPoint stage, String fault) {
    return figure(stage.name() + "." + fault);
  }

  /** A fault's figure for this process, if the plan has it. */
  OptionalLong ofProcess(String fault) {
    return figure(pid + "." + fault);
  }

  /** True for the first process of a run that asks this. */
  boolean isFirst(FaultPoint stage, String fault) {
    try {
      Files.createFile(file.resolveSibling(stage + "." + fault + ".done"));
      return true;
    } catch (FileAlreadyExistsException e) {
      return false;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private OptionalLong figure(String name) {
    look();
    String text = properties.getProperty(name);
    return text == null ? OptionalLong.empty() : OptionalLong.of(Long.parseLong(text));
  }

  private void look() {
    long nowNanos = System.nanoTime();
    if (hasLooked && nowNanos - nextLookNanos < 0) {
      return;
    }
    hasLooked = true;
    nextLookNanos = nowNanos + INTERVAL_NANOS;
    Properties latest = new Properties();
    try (Reader reader = Files.newBufferedReader(file)) {
      latest.load(reader);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    properties = latest;
  }
}
