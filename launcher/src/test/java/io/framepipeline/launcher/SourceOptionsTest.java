package io.framepipeline.launcher;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.HashMap;
import java.util.Map;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine;

class SourceOptionsTest {
  /** As a shell gives it for {@code <(...)}; what is no descriptor, or inherited, stays. */
  @ParameterizedTest
  @ValueSource(strings = {"/dev/fd/63", "/proc/self/fd/63"})
  void shouldNameADescriptorAsReadersCanOpenIt(String source) {
    assertThat(source(source)).isEqualTo("/proc/" + ProcessHandle.current().pid() + "/fd/63");
  }

  @ParameterizedTest
  @ValueSource(strings = {"/dev/fd/0", "/dev/stdin", "-", "/dev/fd/", "/dev/fd/63/x", "data.bin"})
  void shouldLeaveEveryOtherSourceAsItIs(String source) {
    assertThat(source(source)).isEqualTo(source);
  }

  private static String source(String source) {
    SourceOptions options = new SourceOptions();
    new CommandLine(options).parseArgs("--source", source);
    Map<String, String> settings = new HashMap<>();
    options.putInto(settings);
    return settings.get("READER_SOURCE");
  }
}
