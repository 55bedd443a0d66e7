package io.framepipeline.common.config;

import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.NavigableSet;
import java.util.OptionalLong;
import java.util.Properties;
import java.util.Set;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.agrona.BitUtil;
import org.agrona.SystemUtil;

/**
 * Named values from the environment, else from system properties of the same name in lower case
 * with dots, else a default. Every value asked for is remembered, so that a service can log what it
 * runs with and tell of names that nothing asks for.
 */
public final class Settings {
  /** Variables that container platforms put beside ours for a service named like a stage. */
  private static final Pattern SERVICE_LINK =
      Pattern.compile(".*_SERVICE_(HOST|PORT.*)|.*_PORT(_.*)?|.*_NAME|.*_ENV_.*");

  /** What they put into {@code ..._PORT}: an address, where a setting of ours is a number. */
  private static final Pattern LINKED_PORT = Pattern.compile("(tcp|udp|sctp)://.*");

  private final Map<String, String> environment;
  private final Properties properties;
  private final Map<String, String> read = new LinkedHashMap<>();

  public Settings(Map<String, String> environment, Properties properties) {
    this.environment = environment;
    this.properties = properties;
  }

  /** The settings of this process. */
  public static Settings ofProcess() {
    return new Settings(System.getenv(), System.getProperties());
  }

  /** A text; null if it is not set and {@code defaultValue} is null. */
  public String text(String name, String defaultValue) {
    String given = given(name);
    String value = given == null ? defaultValue : given;
    read.put(name, value);
    return value;
  }

  /** A path; null if it is not set and {@code defaultValue} is null. */
  public Path path(String name, String defaultValue) {
    String value = text(name, defaultValue);
    return value == null ? null : toPath(name, value);
  }

  /**
   * The path that a text names. In the locale C or POSIX there is none with other characters than
   * ASCII's.
   *
   * @param name of the setting or option
   * @throws ExitException with {@link ExitCode#USAGE}
   */
  public static Path toPath(String name, String value) {
    try {
      return Path.of(value);
    } catch (InvalidPathException e) {
      throw malformed(
          name, value, "a path in the locale's characters; LC_ALL=C.UTF-8 allows all of them");
    }
  }

  /** A whole number within bounds, both included. */
  public long number(String name, long defaultValue, long min, long max) {
    String value = text(name, Long.toString(defaultValue));
    try {
      long number = Long.parseLong(value);
      if (number >= min && number <= max) {
        return number;
      }
    } catch (NumberFormatException e) {
      // answered below, like a number out of bounds
    }
    throw malformed(name, value, "a whole number from " + min + " to " + max);
  }

  /** A whole number within bounds, both included; empty if it is not set. */
  public OptionalLong optionalNumber(String name, long min, long max) {
    return text(name, null) == null
        ? OptionalLong.empty()
        : OptionalLong.of(number(name, 0, min, max));
  }

  /**
   * A number of bytes, at least 1, perhaps with one of the suffixes k, m and g; empty if it is not
   * set.
   */
  public OptionalLong optionalBytes(String name) {
    String value = text(name, null);
    if (value == null) {
      return OptionalLong.empty();
    }
    try {
      long bytes = SystemUtil.parseSize(name, value);
      if (bytes >= 1) {
        return OptionalLong.of(bytes);
      }
    } catch (NumberFormatException e) {
      // answered below, like a number that is too small
    }
    throw malformed(name, value, "a number of bytes, such as 1048576, 512m or 1g");
  }

  /** A power of two within bounds, both included. */
  public int powerOfTwo(String name, int defaultValue, int min, int max) {
    String value = text(name, Integer.toString(defaultValue));
    try {
      int number = Integer.parseInt(value);
      if (number >= min && number <= max && BitUtil.isPowerOfTwo(number)) {
        return number;
      }
    } catch (NumberFormatException e) {
      // answered below, like a number out of bounds
    }
    throw malformed(name, value, "a power of two from " + min + " to " + max);
  }

  /** One of an enum's constants, written in lower case. */
  public <E extends Enum<E>> E choice(String name, E defaultValue) {
    String value = text(name, defaultValue.name().toLowerCase(Locale.ROOT));
    List<E> constants = Arrays.asList(defaultValue.getDeclaringClass().getEnumConstants());
    return constants.stream()
        .filter(constant -> constant.name().toLowerCase(Locale.ROOT).equals(value))
        .findFirst()
        .orElseThrow(() -> malformed(name, value, "one of " + lowerCase(constants)));
  }

  /** {@code true} or {@code false}, which is the default. */
  public boolean flag(String name) {
    String value = text(name, "false");
    if (!value.equals("true") && !value.equals("false")) {
      throw malformed(name, value, "true or false");
    }
    return value.equals("true");
  }

  /**
   * The names that begin with one of the prefixes and that the program has not asked for. They may
   * be misspelt, or a platform's: a program cannot choose what its surroundings put there, so it
   * must not end because of them. Service links, which are a platform's for certain, are left out.
   */
  public SortedSet<String> unknown(String... prefixes) {
    NavigableSet<String> given = givenNames();
    given.removeIf(
        name ->
            Arrays.stream(prefixes).noneMatch(name::startsWith)
                || read.containsKey(name)
                || SERVICE_LINK.matcher(name).matches());
    return given;
  }

  /**
   * Every setting that is given and whose name begins with the prefix, by its name. The values may
   * be secrets, so they are not logged.
   */
  public Map<String, String> withPrefix(String prefix) {
    Map<String, String> found = new TreeMap<>();
    for (String name : givenNames()) {
      if (name.startsWith(prefix)) {
        String value = given(name);
        if (value != null) {
          found.put(name, value);
        }
      }
    }
    return found;
  }

  /** The names of everything asked for so far. */
  public Set<String> names() {
    return read.keySet();
  }

  /** Everything asked for so far, as {@code NAME=value NAME=value}, unset ones left out. */
  @Override
  public String toString() {
    return read.entrySet().stream()
        .filter(entry -> entry.getValue() != null)
        .map(Object::toString)
        .collect(Collectors.joining(" "));
  }

  /** The value that is given; null if there is none. */
  private String given(String name) {
    String value = environment.get(name);
    if (value == null || value.isEmpty() || isLinkedPort(name, value)) {
      value = properties.getProperty(propertyName(name));
    }
    return value == null || value.isEmpty() ? null : value;
  }

  /** The names of all that is given, and of all else in the environment. */
  private NavigableSet<String> givenNames() {
    NavigableSet<String> given = new TreeSet<>(environment.keySet());
    properties.stringPropertyNames().stream()
        .filter(name -> name.equals(name.toLowerCase(Locale.ROOT)))
        .map(name -> name.replace('.', '_').toUpperCase(Locale.ROOT))
        .forEach(given::add);
    return given;
  }

  /** The exception for a value that is not what {@code allowed} says. */
  public static ExitException malformed(String name, String value, String allowed) {
    return new ExitException(ExitCode.USAGE, "%s=%s: must be %s".formatted(name, value, allowed));
  }

  /** The system property of a setting: {@code READER_SOURCE} is {@code reader.source}. */
  public static String propertyName(String name) {
    return name.toLowerCase(Locale.ROOT).replace('_', '.');
  }

  private static boolean isLinkedPort(String name, String value) {
    return name.endsWith("_PORT") && LINKED_PORT.matcher(value).matches();
  }

  private static String lowerCase(List<? extends Enum<?>> constants) {
    return constants.stream()
        .map(constant -> constant.name().toLowerCase(Locale.ROOT))
        .collect(Collectors.joining(", "));
  }
}
