package io.framepipeline.reader;

import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * Numbers the readers that share a media driver's memory, from 0 on. A reader that is started in
 * another one's place gets a number of its own: its frames are others.
 */
final class ReaderNumber {
  private ReaderNumber() {}

  /**
   * Takes the next number, by a file in a directory beside the driver's, which outlives drivers.
   */
  static int take(Path aeronDirectory) throws IOException {
    Path directory = aeronDirectory.resolveSibling(aeronDirectory.getFileName() + ".readers");
    Files.createDirectories(directory);
    for (int number = 0; ; number++) {
      try {
        Files.createFile(directory.resolve(Integer.toString(number)));
        return number;
      } catch (FileAlreadyExistsException e) {
        // Taken; the next one, then.
      }
    }
  }
}
