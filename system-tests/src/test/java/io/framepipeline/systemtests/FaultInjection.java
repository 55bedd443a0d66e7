package io.framepipeline.systemtests;

import io.framepipeline.common.topology.Stage;
import io.framepipeline.systemtests.faults.FaultAgent;
import java.io.IOException;
import java.io.OutputStream;
import java.io.Writer;
import java.net.URI;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.jar.Attributes;
import java.util.jar.JarEntry;
import java.util.jar.JarOutputStream;
import java.util.jar.Manifest;
import java.util.stream.Stream;

/**
 * Faults inside the processes of a run: makes the jar of the {@link FaultAgent} and writes the plan
 * that the processes follow, also while they run.
 */
final class FaultInjection {
  private final Path jar;
  private final Path planFile;
  private final Properties plan = new Properties();

  /**
   * No faults so far.
   *
   * @param directory where to put the agent and its plan
   */
  FaultInjection(Path directory) throws IOException {
    Path own = Files.createTempDirectory(directory, "faults");
    jar = own.resolve("agent.jar");
    planFile = own.resolve("plan.properties");
    writeJar();
    writePlan();
  }

  /** The environment of a run with faults. */
  Map<String, String> environment(Map<String, String> settings) {
    Map<String, String> environment = new HashMap<>(settings);
    environment.put("JAVA_TOOL_OPTIONS", "-javaagent:" + jar + "=" + planFile);
    return environment;
  }

  /** Whatever process of a stage meets this frame dies of it. */
  FaultInjection poison(Stage stage, int frame) throws IOException {
    return put(stage + ".poison", frame);
  }

  /** The first process of a stage that meets this frame dies; no other does. */
  FaultInjection haltOnce(Stage stage, int frame) throws IOException {
    return put(stage + ".haltOnce", frame);
  }

  /**
   * Each process of a stage takes so long for a frame, unless {@link #slow(long, long)} differs.
   */
  FaultInjection slow(Stage stage, long microsPerFrame) throws IOException {
    return put(stage + ".slowMicros", microsPerFrame);
  }

  /** One process takes so long for a frame. */
  FaultInjection slow(long pid, long microsPerFrame) throws IOException {
    return put(pid + ".slowMicros", microsPerFrame);
  }

  /** A norm loses the answer to every so-manieth frame, but not to a repeat of it. */
  FaultInjection loseAnswersOnce(int every) throws IOException {
    return put("ANSWER.loseOnceEvery", every);
  }

  private FaultInjection put(String fault, long figure) throws IOException {
    plan.setProperty(fault, Long.toString(figure));
    writePlan();
    return this;
  }

  /** By a rename, so that a process finds either the old plan or the new one. */
  private void writePlan() throws IOException {
    Path next = planFile.resolveSibling("next.properties");
    try (Writer writer = Files.newBufferedWriter(next)) {
      plan.store(writer, null);
    }
    Files.move(next, planFile, StandardCopyOption.ATOMIC_MOVE);
  }

  private void writeJar() throws IOException {
    Manifest manifest = new Manifest();
    manifest.getMainAttributes().put(Attributes.Name.MANIFEST_VERSION, "1.0");
    manifest.getMainAttributes().putValue("Premain-Class", FaultAgent.class.getName());
    try (OutputStream out = Files.newOutputStream(jar);
        JarOutputStream entries = new JarOutputStream(out, manifest)) {
      Path classes = testClasses();
      for (Path file : classesOfTheAgent(classes)) {
        entries.putNextEntry(new JarEntry(classes.relativize(file).toString()));
        Files.copy(file, entries);
      }
    }
  }

  private static Path testClasses() {
    try {
      URI location = FaultAgent.class.getProtectionDomain().getCodeSource().getLocation().toURI();
      return Path.of(location);
    } catch (URISyntaxException e) {
      throw new IllegalStateException(e);
    }
  }

  private static List<Path> classesOfTheAgent(Path classes) throws IOException {
    Path folder = classes.resolve(FaultAgent.class.getPackageName().replace('.', '/'));
    try (Stream<Path> files = Files.list(folder)) {
      return files.filter(file -> file.toString().endsWith(".class")).toList();
    }
  }
}
