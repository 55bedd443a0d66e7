package io.framepipeline.systemtests;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.nio.ByteBuffer;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;

/** Frames that are numbered in their bytes, and what their norms must be, computed in float64. */
final class Reference {
  private static final int FRAME_LENGTH = 4096;
  private static final double TOLERANCE = 1e-6;

  private Reference() {}

  /** So many frames: each its number, then bytes that depend on it. */
  static byte[] frames(int count, long seed) {
    byte[] bytes = new byte[count * FRAME_LENGTH];
    new Random(seed).nextBytes(bytes);
    for (int frame = 0; frame < count; frame++) {
      ByteBuffer.wrap(bytes).putInt(frame * FRAME_LENGTH, frame);
    }
    return bytes;
  }

  /** The Frobenius norm of a frame's reciprocals. */
  static double norm(byte[] bytes, int frame) {
    double sum = 0;
    for (int i = 0; i < FRAME_LENGTH; i++) {
      double reciprocal = 1.0 / (1.0 + (bytes[frame * FRAME_LENGTH + i] & 0xFF));
      sum += reciprocal * reciprocal;
    }
    return Math.sqrt(sum);
  }

  /** Checks printed lines: one a frame, of one source, each norm right. */
  static void assertPrinted(List<String> lines, byte[] bytes) {
    int count = bytes.length / FRAME_LENGTH;
    Map<Long, Double> norms = new HashMap<>();
    for (String line : lines) {
      String[] fields = line.split(" ");
      assertThat(fields).as(line).hasSize(3);
      assertThat(norms.put(Long.parseLong(fields[1]), Double.parseDouble(fields[2])))
          .as("second line for frame %s", fields[1])
          .isNull();
    }
    assertThat(norms).hasSize(count);
    for (int frame = 0; frame < count; frame++) {
      double expected = norm(bytes, frame);
      assertThat(norms.get((long) frame))
          .as("norm of frame %d", frame)
          .isCloseTo(expected, within(expected * TOLERANCE));
    }
  }
}
