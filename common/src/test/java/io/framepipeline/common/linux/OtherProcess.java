package io.framepipeline.common.linux;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;

/**
 * Another process that has locked a file: the kernel gives locks to processes, so a test cannot be
 * kept out by itself.
 */
public final class OtherProcess {
  private OtherProcess() {}

  /** Runs a class's {@code main}. */
  public static Process start(Class<?> main, Object... arguments) throws IOException {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(List.of("--add-opens=java.base/jdk.internal.misc=ALL-UNNAMED"));
    command.addAll(List.of("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xmx64m"));
    command.addAll(List.of("-cp", System.getProperty("java.class.path"), main.getName()));
    for (Object argument : arguments) {
      command.add(argument.toString());
    }
    return new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT).start();
  }

  /** Locks the whole file, which is made if need be, until the process is destroyed. */
  public static Process lock(Path file) throws IOException {
    Process process = start(OtherProcess.class, file);
    if (process.getInputStream().read() != '!') {
      process.destroyForcibly();
      throw new IOException("another process could not lock " + file);
    }
    return process;
  }

  /** Locks a file and stays until its standard input ends, as it does with the test. */
  public static void main(String[] args) throws IOException {
    try (FileChannel file =
            FileChannel.open(
                Path.of(args[0]), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
        FileLock lock = file.lock()) {
      System.out.write("!".getBytes(StandardCharsets.US_ASCII));
      System.out.flush();
      while (lock.isValid() && System.in.read() >= 0) {
        // Until it ends.
      }
    }
  }
}
