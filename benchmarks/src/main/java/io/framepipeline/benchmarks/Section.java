package io.framepipeline.benchmarks;

import java.util.List;

/** What can be measured by itself. */
enum Section {
  URANDOM("From /dev/urandom"),
  MEMORY("From memory"),
  FILE("From a file in /dev/shm, again and again"),
  KERNELS("Kernels, by C and by JMH, and paths"),
  LATENCY("A frame from read to normed, at a paced load"),
  START("From the command to the first norm"),
  WARMUP("The first seconds after the first frame"),
  IDLE("With a silent source"),
  GROWTH("With more instances or another window, from /dev/urandom");

  private final String title;

  Section(String title) {
    this.title = title;
  }

  String title() {
    return title;
  }

  List<Series> measure(Measurements measurements) {
    return switch (this) {
      case URANDOM -> measurements.urandom();
      case MEMORY -> measurements.memory();
      case FILE -> measurements.file();
      case KERNELS -> measurements.kernels();
      case LATENCY -> measurements.latency();
      case START -> measurements.start();
      case WARMUP -> measurements.warmup();
      case IDLE -> measurements.idle();
      case GROWTH -> measurements.growth();
    };
  }
}
