package io.framepipeline.reader;

import io.framepipeline.common.config.ExitCode;
import io.framepipeline.common.config.ExitException;
import io.framepipeline.common.config.OutputFile;
import io.framepipeline.common.config.Settings;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/**
 * Where results go. A file gets lines, or an array if its name ends in {@code .npy}; {@code -} is
 * standard output; {@code kafka:TOPIC} is a topic. An existing file that is not regular is treated
 * like standard output.
 *
 * @param name as the user gave it
 */
public record ResultsTarget(String name) {
  private static final String STANDARD_OUTPUT = "-";
  private static final String ARRAY_SUFFIX = ".npy";

  /**
   * Opens an output. The writing thread calls this, since opening a FIFO waits for its other end.
   */
  @FunctionalInterface
  interface Opener {
    ResultsOutput open() throws IOException;
  }

  public boolean isStandardOutput() {
    return name.equals(STANDARD_OUTPUT);
  }

  /** The Kafka topic that gets the results; null if it is none. */
  public String topic() {
    return KafkaSettings.topicOf("READER_RESULTS", name);
  }

  /** The file of one of a run's readers. The first reader's file has the given name. */
  public Path fileOf(int reader) {
    Path file = Settings.toPath("READER_RESULTS", name);
    if (reader == 0) {
      return file;
    }
    String fileName = String.valueOf(file.getFileName());
    int dot = fileName.lastIndexOf('.');
    int suffix = dot > 0 ? dot : fileName.length();
    return file.resolveSibling(
        fileName.substring(0, suffix) + "." + reader + fileName.substring(suffix));
  }

  /**
   * Checks what can be known before anything is written.
   *
   * @throws ExitException with {@link ExitCode#USAGE} if results cannot be written
   */
  public void check() {
    if (isStandardOutput() || topic() != null) {
      return;
    }
    OutputFile.whyNotWritable(Settings.toPath("READER_RESULTS", name))
        .ifPresent(
            why -> {
              throw refused(name, why);
            });
  }

  /**
   * Deletes earlier results to make way for a new run.
   *
   * @param source what is read; no results file may be the same file
   * @param readers how many readers the run will have
   */
  public void replace(Path source, int readers) {
    if (isStandardOutput() || topic() != null) {
      return;
    }
    for (int reader = 0; reader < readers; reader++) {
      Path file = fileOf(reader);
      try {
        if (Files.isRegularFile(file)) {
          if (Files.exists(source) && Files.isSameFile(source, file)) {
            throw refused(file, "is the source");
          }
          Files.delete(file);
        }
      } catch (IOException e) {
        throw refused(file, e.toString());
      }
    }
  }

  /**
   * Prepares to write a reader's results. Makes a regular file at once, or goes on with one that a
   * dead reader has made.
   *
   * @param memory of the reader
   * @param isSuccessor whether it was a dead reader's before
   * @throws ExitException with {@link ExitCode#USAGE} if another file exists already, or none can
   *     be made
   */
  Opener prepare(int reader, ReaderMemory memory, boolean isSuccessor) {
    if (isStandardOutput()) {
      return () -> lines(new FileOutputStream(FileDescriptor.out).getChannel(), reader);
    }
    Path file = fileOf(reader);
    if (Files.exists(file) && !Files.isRegularFile(file) && !Files.isDirectory(file)) {
      return () -> lines(FileChannel.open(file, StandardOpenOption.WRITE), reader);
    }
    try {
      ResultsChannel channel =
          ResultsChannel.ofFile(
              openFile(file, memory, isSuccessor), memory.writing.get(ReaderMemory.WRITTEN_BYTES));
      return file.toString().endsWith(ARRAY_SUFFIX)
          ? () -> new NpyOutput(channel)
          : () -> new LinesOutput(channel, reader);
    } catch (FileAlreadyExistsException e) {
      throw refused(file, "exists, and a service writes over no file; remove it");
    } catch (IOException e) {
      throw refused(file, e.toString());
    }
  }

  private static FileChannel openFile(Path file, ReaderMemory memory, boolean isSuccessor)
      throws IOException {
    // A dead reader may not have got as far as to say that it has made the file.
    boolean isMade =
        memory.hasResultsFile()
            || (isSuccessor && Files.isRegularFile(file) && Files.size(file) == 0);
    FileChannel channel =
        isMade
            ? FileChannel.open(file, StandardOpenOption.WRITE)
            : FileChannel.open(file, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE);
    memory.setHasResultsFile();
    return channel;
  }

  /** The exception for an output that fails after results were written. */
  ExitException failed(int reader, IOException e, long sequence) {
    return new ExitException(
        ExitCode.OUTPUT,
        "results to %s: %s; those from frame %s on are not written"
            .formatted(
                isStandardOutput() ? "standard output" : fileOf(reader), e.getMessage(), sequence));
  }

  private static ResultsOutput lines(FileChannel channel, int reader) {
    return new LinesOutput(ResultsChannel.ofStream(channel), reader);
  }

  private static ExitException refused(Object file, String why) {
    return new ExitException(
        ExitCode.USAGE,
        "READER_RESULTS=%s: %s; give a file that is to be made, or - for standard output"
            .formatted(file, why));
  }
}
