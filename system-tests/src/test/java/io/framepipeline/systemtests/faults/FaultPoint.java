package io.framepipeline.systemtests.faults;

import java.util.Arrays;
import java.util.Optional;

/** The methods of the product that call {@link Faults} at their start. */
enum FaultPoint {
  /** Inside the reader's claim in a reciprocal's inbox. */
  READER("io/framepipeline/reader/ReaderSession", "commit", false),

  /** Inside the reciprocal's claim in a norm's inbox. */
  RECIPROCAL("io/framepipeline/reciprocal/ReciprocalKernel", "apply", false),

  /** Before a frame is recorded. */
  NORM("io/framepipeline/norm/NormKernel", "apply", false),

  /** Before an answer joins those that wait to be sent. */
  ANSWER("io/framepipeline/common/delivery/Answers", "add", true);

  private final String className;
  private final String method;
  private final boolean canBeLeftOut;

  FaultPoint(String className, String method, boolean canBeLeftOut) {
    this.className = className;
    this.method = method;
    this.canBeLeftOut = canBeLeftOut;
  }

  static Optional<FaultPoint> in(String className) {
    return Arrays.stream(values()).filter(point -> point.className.equals(className)).findAny();
  }

  String method() {
    return method;
  }

  /** The method of {@link Faults} that is called, with the arguments of the one that calls it. */
  String hook() {
    return switch (this) {
      case READER -> "beforeCommit";
      case RECIPROCAL -> "beforeReciprocal";
      case NORM -> "beforeNorm";
      case ANSWER -> "losesAnswer";
    };
  }

  /** Whether the hook says, by returning true, that the method is to return at once. */
  boolean canBeLeftOut() {
    return canBeLeftOut;
  }
}
