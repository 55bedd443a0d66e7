package io.framepipeline.reader;

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import org.agrona.BitUtil;
import org.agrona.BufferUtil;
import org.agrona.concurrent.AtomicBuffer;
import org.agrona.concurrent.UnsafeBuffer;

/** Memory that outlives readers. It kills the thread that stores once too often. */
final class MortalMemory {
  /** Ends the thread that is killed. */
  static final class Killed extends Error {
    private static final long serialVersionUID = 1;

    Killed() {
      super(null, null, false, false);
    }
  }

  private final AtomicBuffer buffer;

  /** Stores that may still be made; negative: all. */
  private int storesLeft = -1;

  private int stores;

  MortalMemory() {
    UnsafeBuffer memory =
        new UnsafeBuffer(
            BufferUtil.allocateDirectAligned(ReaderMemory.LENGTH, BitUtil.CACHE_LINE_LENGTH));
    buffer =
        (AtomicBuffer)
            Proxy.newProxyInstance(
                AtomicBuffer.class.getClassLoader(),
                new Class<?>[] {AtomicBuffer.class},
                (proxy, method, arguments) -> {
                  if (method.getName().startsWith("put")) {
                    onStore();
                  }
                  try {
                    return method.invoke(memory, arguments);
                  } catch (InvocationTargetException e) {
                    throw e.getCause();
                  }
                });
  }

  /** What a reader finds there. */
  ReaderMemory ofNextReader() {
    return new ReaderMemory(buffer);
  }

  /**
   * Runs a step of a thread and kills the thread after some stores.
   *
   * @return how many it has made; -1 if it was through before
   */
  int killAfter(int limit, Runnable step) {
    storesLeft = limit;
    stores = 0;
    try {
      step.run();
      return -1;
    } catch (Killed e) {
      return stores;
    } finally {
      storesLeft = -1;
    }
  }

  private void onStore() {
    if (storesLeft == 0) {
      throw new Killed();
    }
    storesLeft--;
    stores++;
  }
}
