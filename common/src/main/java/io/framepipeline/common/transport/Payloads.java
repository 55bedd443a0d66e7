package io.framepipeline.common.transport;

import java.io.IOException;
import java.nio.file.Path;

/** Opens the slots in which a sender keeps the payloads that its messages refer to. */
@FunctionalInterface
public interface Payloads {
  /** For messages without payloads. */
  Payloads NONE = path -> null;

  /**
   * Opens the slots that a new publication's messages refer to.
   *
   * @param path of the file in which the receiver looks for them
   * @throws IOException if there is no room for it
   */
  SlotFile open(Path path) throws IOException;
}
