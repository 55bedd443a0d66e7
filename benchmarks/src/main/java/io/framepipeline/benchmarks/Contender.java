package io.framepipeline.benchmarks;

/** What can take {@link Turns} with others. */
interface Contender extends AutoCloseable {
  /** All processes of it are below this one. */
  ProcessHandle process();

  /** Waits until it has done something. */
  void awaitFirstFrame();

  /** What it has done by now. */
  Progress now();

  @Override
  void close();
}
