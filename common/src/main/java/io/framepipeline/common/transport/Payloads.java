package io.framepipeline.common.transport;

import java.io.IOException;
import java.nio.file.Path;

/** Where a sender's payloads are, while its messages refer to them. */
@FunctionalInterface
public interface Payloads {
  /** Of messages that are complete without. */
  Payloads NONE = path -> null;

  /**
   * Opens the slots that a new publication's messages refer to.
   *
   * @param path of the file in which the receiver looks for them
   * @throws IOException if there is no room for it
   */
  SlotFile open(Path path) throws IOException;
}
