package io.framepipeline.reader;

/**
 * Which of the expired frames to send next, and how often each frame was blamed: which frames are
 * expired is in the delivery states. For the duty cycle.
 */
final class ExpiredFrames {
  /**
   * A frame that was blamed this often may kill every process that takes it. Only one such suspect
   * is under way at a time.
   */
  private static final int SUSPECT_BLAMES = 2;

  private static final long NONE = -1;

  private final byte[] states;
  private final int[] blames;
  private int count;
  private int suspectCount;

  /** The next search begins here. Expired frames before it are there only if all else is sent. */
  private long cursor;

  /** The suspect that was sent last. */
  private long suspect = NONE;

  /**
   * No expired frames.
   *
   * @param states the delivery state of each frame, by sequence modulo the length
   */
  ExpiredFrames(byte[] states) {
    this.states = states;
    this.blames = new int[states.length];
  }

  /** Forgets the blames of the frame that had this frame's place. */
  void forget(long sequence) {
    blames[index(sequence)] = 0;
  }

  /** Blames a frame; returns how often it was blamed by now. */
  int blame(long sequence) {
    return ++blames[index(sequence)];
  }

  /** Notes that a frame has expired. */
  void add(long sequence) {
    count++;
    if (isSuspect(sequence)) {
      suspectCount++;
    }
    cursor = Math.min(cursor, sequence);
  }

  /** Notes that an expired frame is answered. */
  void remove(long sequence) {
    count--;
    if (isSuspect(sequence)) {
      suspectCount--;
    }
  }

  /** Notes that an expired frame is sent again. */
  void sent(long sequence) {
    remove(sequence);
    cursor = sequence + 1;
    if (isSuspect(sequence)) {
      suspect = sequence;
    }
  }

  /**
   * The expired frame to send next: the oldest, but no suspect while another one is under way.
   *
   * @param done frames before this one are all done
   * @param unsent frames from this one on were never sent
   * @return its sequence, or -1 if there is none
   */
  long next(long done, long unsent) {
    if (count == 0) {
      return NONE;
    }
    if (cursor < done) {
      cursor = done;
    }
    boolean isSuspectOut = suspect >= done && states[index(suspect)] == RetainedFrames.SENT;
    if (isSuspectOut && count == suspectCount) {
      return NONE;
    }
    for (long sequence = cursor; sequence < unsent; sequence++) {
      if (states[index(sequence)] == RetainedFrames.EXPIRED
          && !(isSuspectOut && isSuspect(sequence))) {
        cursor = sequence;
        return sequence;
      }
    }
    // Other expired frames lie before the cursor. The next search starts from the first frame
    // again.
    cursor = done;
    return NONE;
  }

  private boolean isSuspect(long sequence) {
    return blames[index(sequence)] >= SUSPECT_BLAMES;
  }

  private int index(long sequence) {
    return (int) sequence & (states.length - 1);
  }
}
