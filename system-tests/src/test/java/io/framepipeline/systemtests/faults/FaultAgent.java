package io.framepipeline.systemtests.faults;

import java.lang.instrument.Instrumentation;
import java.nio.file.Path;

/**
 * Brings faults into the processes of a run, so that the product needs no hook for them: a Java
 * agent that has each {@link FaultPoint} call {@link Faults} at its start. Its argument is the file
 * with the plan, see {@link FaultPlan}. Every JVM of a run loads it, also those without any such
 * point.
 */
public final class FaultAgent {
  private FaultAgent() {}

  /** Called by the JVM before {@code main}. */
  public static void premain(String planFile, Instrumentation instrumentation) {
    Faults.plan = new FaultPlan(Path.of(planFile));
    instrumentation.addTransformer(new FaultTransformer());
  }
}
