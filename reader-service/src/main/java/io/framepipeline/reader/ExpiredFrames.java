package io.framepipeline.reader;

/** Which of the expired frames to send next. For the duty cycle. */
final class ExpiredFrames {
  /**
   * A frame that was blamed this often may kill every process that takes it. Only one such suspect
   * is under way at a time.
   */
  private static final int SUSPECT_BLAMES = 2;

  private static final long NONE = -1;

  private final DeliveryStates states;
  private int count;
  private int suspectCount;

  /** The next search begins here. Expired frames before it are there only if all else is sent. */
  private long cursor;

  /** The suspect that was sent last. */
  private long suspect = NONE;

  /** No expired frames yet, among those with these states. */
  ExpiredFrames(DeliveryStates states) {
    this.states = states;
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
    boolean isSuspectOut = suspect >= done && states.state(suspect) == DeliveryStates.SENT;
    if (isSuspectOut && count == suspectCount) {
      return NONE;
    }
    for (long sequence = cursor; sequence < unsent; sequence++) {
      if (states.state(sequence) == DeliveryStates.EXPIRED
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
    return states.blames(sequence) >= SUSPECT_BLAMES;
  }
}
