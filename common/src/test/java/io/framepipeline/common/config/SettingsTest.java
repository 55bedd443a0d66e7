package io.framepipeline.common.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.framepipeline.common.service.IdleMode;
import java.nio.file.Path;
import java.util.Map;
import java.util.OptionalLong;
import java.util.Properties;
import java.util.SortedSet;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class SettingsTest {
  @Test
  void shouldPreferTheEnvironmentToThePropertyAndThatToTheDefault() {
    Map<String, String> environment = Map.of("READER_SOURCE", "environment");
    Map<String, String> property = Map.of("reader.source", "property");

    assertThat(settings(environment, property).text("READER_SOURCE", "default"))
        .isEqualTo("environment");
    assertThat(settings(Map.of(), property).text("READER_SOURCE", "default")).isEqualTo("property");
    assertThat(settings(Map.of(), Map.of()).text("READER_SOURCE", "default")).isEqualTo("default");
    assertThat(settings(Map.of(), Map.of()).text("READER_SOURCE", null)).isNull();
  }

  /** Compose hands on {@code ${READER_SOURCE:-}} as an empty value. */
  @Test
  void shouldTakeAnEmptyValueForUnset() {
    Map<String, String> empty = Map.of("READER_SOURCE", "", "READER_FRAMES", "");

    assertThat(
            settings(empty, Map.of("reader.source", "property")).text("READER_SOURCE", "default"))
        .isEqualTo("property");
    assertThat(settings(empty, Map.of("reader.source", "")).text("READER_SOURCE", "default"))
        .isEqualTo("default");
    assertThat(settings(empty, Map.of()).optionalNumber("READER_FRAMES", 1, 9)).isEmpty();
  }

  @Test
  void shouldReadNumbersWithinBounds() {
    assertThat(environment("N", "1").number("N", 5, 1, 9)).isEqualTo(1);
    assertThat(environment("N", "9").number("N", 5, 1, 9)).isEqualTo(9);
    assertThat(environment("N", "9").optionalNumber("N", 1, 9)).isEqualTo(OptionalLong.of(9));
    assertThat(environment("M", "9").number("N", 5, 1, 9)).isEqualTo(5);
    assertThat(environment("N", "64").powerOfTwo("N", 16, 16, 64)).isEqualTo(64);
    assertThat(environment("M", "64").powerOfTwo("N", 16, 16, 64)).isEqualTo(16);
  }

  @ParameterizedTest
  @ValueSource(strings = {"0", "10", "-1", "1.5", "1e3", "many", " 5", "99999999999999999999"})
  void shouldNameAMalformedNumberItsValueAndWhatIsAllowed(String value) {
    String line = "READER_FRAMES=" + value + ": must be a whole number from 1 to 9";

    assertUsage(() -> environment("READER_FRAMES", value).number("READER_FRAMES", 5, 1, 9), line);
    assertUsage(
        () -> environment("READER_FRAMES", value).optionalNumber("READER_FRAMES", 1, 9), line);
  }

  @ParameterizedTest
  @CsvSource({"1, 1", "1048576, 1048576", "512k, 524288", "256m, 268435456", "1G, 1073741824"})
  void shouldReadBytesWithASuffix(String value, long bytes) {
    assertThat(environment("N", value).optionalBytes("N")).hasValue(bytes);
    assertThat(environment("M", value).optionalBytes("N")).isEmpty();
  }

  /** What Kubernetes writes as 256Mi is 256m here, as in the media driver's settings. */
  @ParameterizedTest
  @ValueSource(strings = {"0", "-1", "256Mi", "1.5g", "m", "many", "99999999999g"})
  void shouldNameMalformedBytesTheirValueAndWhatIsAllowed(String value) {
    assertUsage(
        () -> environment("N", value).optionalBytes("N"),
        "N=" + value + ": must be a number of bytes, such as 1048576, 512m or 1g");
  }

  @ParameterizedTest
  @ValueSource(strings = {"8", "128", "48", "0", "-16", "many", "-2147483648", "4294967296"})
  void shouldNameAMalformedPowerOfTwoItsValueAndWhatIsAllowed(String value) {
    assertUsage(
        () ->
            environment("READER_WINDOW_FRAMES", value)
                .powerOfTwo("READER_WINDOW_FRAMES", 16, 16, 64),
        "READER_WINDOW_FRAMES=" + value + ": must be a power of two from 16 to 64");
  }

  @Test
  void shouldReadChoicesInLowerCase() {
    assertThat(environment("IDLE_STRATEGY", "spin").choice("IDLE_STRATEGY", IdleMode.BACKOFF))
        .isEqualTo(IdleMode.SPIN);
    assertThat(environment("M", "spin").choice("IDLE_STRATEGY", IdleMode.BACKOFF))
        .isEqualTo(IdleMode.BACKOFF);
  }

  @ParameterizedTest
  @ValueSource(strings = {"busy", "SPIN", "spin "})
  void shouldNameAMalformedChoiceItsValueAndWhatIsAllowed(String value) {
    assertUsage(
        () -> environment("IDLE_STRATEGY", value).choice("IDLE_STRATEGY", IdleMode.BACKOFF),
        "IDLE_STRATEGY=" + value + ": must be one of backoff, yield, spin");
  }

  @Test
  void shouldReadFlagsWhichAreFalseIfUnset() {
    assertThat(environment("READER_REPEAT", "").flag("READER_REPEAT")).isFalse();
    assertThat(environment("READER_REPEAT", "false").flag("READER_REPEAT")).isFalse();
    assertThat(environment("READER_REPEAT", "true").flag("READER_REPEAT")).isTrue();
    assertUsage(
        () -> environment("READER_REPEAT", "yes").flag("READER_REPEAT"),
        "READER_REPEAT=yes: must be true or false");
  }

  @Test
  void shouldNameAMalformedPropertyLikeTheVariable() {
    assertUsage(
        () -> settings(Map.of(), Map.of("reader.frames", "x")).number("READER_FRAMES", 5, 1, 9),
        "READER_FRAMES=x: must be a whole number from 1 to 9");
  }

  /** A platform may have put it there, so it ends no service; but it may be misspelt. */
  @Test
  void shouldNameEverySettingThatNobodyAsksFor() {
    Map<String, String> environment = Map.of("READER_FRAME", "7", "PIPELINE_WORKSPACE", "/builds");

    assertThat(unknown(settings(environment, Map.of("reader.rates", "9"))))
        .containsExactly("PIPELINE_WORKSPACE", "READER_FRAME", "READER_RATES");
  }

  @Test
  void shouldLeaveOthersSettingsAlone() {
    Map<String, String> environment =
        Map.of("READER_SOURCE", "-", "NORM_PRINT", "all", "PATH", "/bin", "reader_x", "1");
    Map<String, String> properties = Map.of("java.home", "/", "Reader.Frame", "7");

    assertThat(unknown(settings(environment, properties))).isEmpty();
  }

  /** What Docker links and Kubernetes set for services named reader, reader-service and so on. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "READER_SERVICE_HOST",
        "READER_SERVICE_PORT",
        "READER_SERVICE_PORT_METRICS",
        "READER_PORT",
        "READER_PORT_9400_TCP",
        "READER_PORT_9400_TCP_ADDR",
        "READER_PORT_9400_TCP_PORT",
        "READER_PORT_9400_TCP_PROTO",
        "READER_SERVICE_SERVICE_HOST",
        "READER_SERVICE_SERVICE_PORT",
        "READER_SERVICE_PORT_9400_TCP_ADDR",
        "READER_NAME",
        "READER_ENV_READER_SOURCE"
      })
  void shouldSayNothingOfServiceLinkVariables(String name) {
    assertThat(unknown(environment(name, "tcp://10.0.0.1:9400"))).isEmpty();
  }

  /** What they set for a service named metrics. */
  @ParameterizedTest
  @ValueSource(
      strings = {"tcp://10.0.0.1:9400", "udp://10.0.0.1:9400", "sctp://[fd00::1]:9400", "tcp://"})
  void shouldNotTakeALinkedPortForASetting(String value) {
    Settings settings =
        settings(Map.of("METRICS_PORT", value, "READER_SOURCE", value), Map.of("metrics.port", ""));

    assertThat(settings.number("METRICS_PORT", 9400, 0, 65_535)).isEqualTo(9400);
    assertThat(settings.text("READER_SOURCE", null)).as("another name").isEqualTo(value);
  }

  @Test
  void shouldLogWhatItRunsWithAndNothingThatIsUnset() {
    Settings settings = environment("READER_SOURCE", "-");
    settings.text("READER_SOURCE", "/dev/urandom");
    settings.number("METRICS_PORT", 9400, 0, 65_535);
    settings.text("READER_ABANDONED_DIR", null);

    assertThat(settings).hasToString("READER_SOURCE=- METRICS_PORT=9400");
  }

  @Test
  void shouldFindEverySettingWithAPrefix() {
    Map<String, String> environment =
        Map.of("KAFKA_A", "1", "KAFKA_EMPTY", "", "KAFKA_BOTH", "2", "OTHER_KAFKA_A", "3");
    Map<String, String> properties =
        Map.of("kafka.both", "4", "kafka.c.d", "5", "kafka.empty", "6", "kafka.none", "");

    assertThat(settings(environment, properties).withPrefix("KAFKA_"))
        .containsExactly(
            Map.entry("KAFKA_A", "1"),
            Map.entry("KAFKA_BOTH", "2"),
            Map.entry("KAFKA_C_D", "5"),
            Map.entry("KAFKA_EMPTY", "6"));
  }

  @Test
  void shouldNotLogWhatWasFoundByItsPrefix() {
    Settings settings = environment("KAFKA_PASSWORD", "secret");

    settings.withPrefix("KAFKA_");

    assertThat(settings).hasToString("");
  }

  @Test
  void shouldTakeAPath() {
    assertThat(environment("AERON_DIR", "a b").path("AERON_DIR", null)).isEqualTo(Path.of("a b"));
    assertThat(environment("AERON_DIR", "").path("AERON_DIR", "/a")).isEqualTo(Path.of("/a"));
    assertThat(environment("AERON_DIR", "").path("AERON_DIR", null)).isNull();
  }

  /** What Java makes of a name that the locale's charset cannot spell, if it is ASCII. */
  @Test
  void shouldRefuseAPathThatHasNoBytes() {
    assertUsage(
        () -> environment("AERON_DIR", "gr\0").path("AERON_DIR", null),
        "AERON_DIR=gr\0: must be a path in the locale's characters; LC_ALL=C.UTF-8 allows all of"
            + " them");
  }

  private static SortedSet<String> unknown(Settings settings) {
    settings.text("READER_SOURCE", "-");
    settings.text("READER_FRAMES", null);
    return settings.unknown("PIPELINE_", "READER_");
  }

  private static Settings environment(String name, String value) {
    return settings(Map.of(name, value), Map.of());
  }

  private static Settings settings(
      Map<String, String> environment, Map<String, String> properties) {
    Properties all = new Properties();
    all.putAll(properties);
    return new Settings(environment, all);
  }

  private static void assertUsage(ThrowingCallable call, String line) {
    ExitException refused = catchThrowableOfType(ExitException.class, call);
    assertThat(refused).isNotNull().hasMessage(line);
    assertThat(refused.exitCode()).isEqualTo(64);
  }
}
