package io.framepipeline.reader;

import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * Numbers the readers that share a media driver's memory, from 0 on. A reader that replaces another
 * gets a new number, since it reads other frames.
 */
final class ReaderNumber {
  private ReaderNumber() {}

  /**
   * Takes the next number by making a file. The file's directory is beside the driver's and
   * outlives drivers.
   */
  static int take(Path aeronDirectory) throws IOException {
    Path directory = aeronDirectory.resolveSibling(aeronDirectory.getFileName() + ".readers");
    Files.createDirectories(directory);
    for (int number = 0; ; number++) {
      try {
        Files.createFile(directory.resolve(Integer.toString(number)));
        return number;
      } catch (FileAlreadyExistsException e) {
        // Another reader has this number; try the next one.
      }
    }
  }
}
