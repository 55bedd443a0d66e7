package io.framepipeline.common.transport;

import static org.assertj.core.api.Assertions.assertThat;

import io.framepipeline.common.topology.Stage;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.agrona.concurrent.UnsafeBuffer;
import org.agrona.concurrent.status.CountersManager;
import org.junit.jupiter.api.Test;

class InboxDirectoryTest {
  private static final int KEY_LENGTH = 24;

  private final CountersManager counters =
      new CountersManager(
          new UnsafeBuffer(new byte[16 * CountersManager.METADATA_LENGTH]),
          new UnsafeBuffer(new byte[16 * CountersManager.COUNTER_LENGTH]),
          StandardCharsets.US_ASCII);
  private final InboxDirectory directory = new InboxDirectory(counters);

  @Test
  void shouldFindInboxesOfAStage() {
    int one = allocate(Stage.NORM, 17, 5);
    counters.setCounterRegistrationId(one, 100);
    counters.setCounterRegistrationId(allocate(Stage.READER, 18, 6), 101);
    int two = allocate(Stage.NORM, 19, Long.MAX_VALUE - 1);
    counters.setCounterRegistrationId(two, 102);

    assertThat(found()).containsExactly(100L, 102L);
    assertThat(directory.streamId(two)).isEqualTo(19);
    assertThat(directory.lock(two)).isEqualTo(Long.MAX_VALUE - 1);
    assertThat(directory.isStill(two, 102)).isTrue();
  }

  /**
   * The driver allocates a counter, and then says whose it is. Who looks in between would find it
   * gone at the next look.
   */
  @Test
  void shouldWaitUntilTheDriverHasSaidWhoseACounterIs() {
    int counterId = allocate(Stage.NORM, 17, 5);
    assertThat(found()).isEmpty();

    counters.setCounterRegistrationId(counterId, 100);
    assertThat(found()).containsExactly(100L);
  }

  @Test
  void shouldTellThatACounterWasFreedWhileItWasRead() {
    int counterId = allocate(Stage.NORM, 17, 5);
    counters.setCounterRegistrationId(counterId, 100);
    counters.free(counterId);
    assertThat(directory.isStill(counterId, 100)).isFalse();
  }

  /** Any client of the driver can make a counter of this type. */
  @Test
  void shouldTakeNoCounterForAnInboxWithoutAByteThatCanBeLocked() {
    for (long lock : new long[] {-1, Long.MIN_VALUE, Long.MAX_VALUE}) {
      counters.setCounterRegistrationId(allocate(Stage.NORM, 17, lock), 100);
    }
    assertThat(found()).isEmpty();
  }

  private int allocate(Stage stage, int streamId, long lock) {
    UnsafeBuffer key = new UnsafeBuffer(new byte[KEY_LENGTH]);
    key.putInt(0, stage.id());
    key.putInt(4, streamId);
    key.putLong(12, lock);
    return counters.allocate(InboxDirectory.COUNTER_TYPE_ID, key, 0, KEY_LENGTH, key, 0, 0);
  }

  private List<Long> found() {
    List<Long> found = new ArrayList<>();
    directory.forEach(Stage.NORM, (counterId, registrationId) -> found.add(registrationId));
    return found;
  }
}
