package io.framepipeline.systemtests;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.framepipeline.common.topology.Stage;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** The live view of a run, in a real browser and in a terminal. */
@Timeout(value = 5, unit = TimeUnit.MINUTES)
class LiveViewIT {
  private static final Pattern URL = Pattern.compile("live view: (http://127\\.0\\.0\\.1:\\d+/)");

  @TempDir private Path directory;

  @Test
  void shouldShowTheLedgerThatTheReportEndsWith() throws Exception {
    Browser.assumeThere();
    int frames = 3000;
    Path fifo = directory.resolve("fifo");
    assertThat(new ProcessBuilder("mkfifo", fifo.toString()).start().waitFor()).isZero();
    List<String> figures =
        List.of("framesRead", "framesAcknowledged", "framesInFlight", "framesAbandoned");
    try (PipelineProcess run = PipelineProcess.run(directory, "--source", fifo.toString());
        Browser browser = new Browser()) {
      List<Long> shown;
      try (OutputStream source = Files.newOutputStream(fifo)) {
        browser.open(url(run));
        source.write(new byte[frames * 4096]);
        source.flush();
        browser.await("all frames", () -> browser.number("ledger-framesAcknowledged") == frames);
        browser.await("no frames any more", () -> browser.isShown("no-frames"));
        assertThat(browser.isShown("no-answer")).isFalse();
        shown = figures.stream().map(name -> browser.number("ledger-" + name)).toList();
        browser.assertNoErrors();
      }
      assertThat(run.awaitExit()).isZero();
      assertThat(figures.stream().map(name -> run.report().get(name).asLong()).toList())
          .isEqualTo(shown);
      browser.await("the end of the run", () -> browser.isShown("no-answer"));
    }
  }

  @Test
  void shouldShowWhatDiesComesAndGoes() throws Exception {
    Browser.assumeThere();
    try (PipelineProcess run =
            PipelineProcess.run(directory, "--rate", "2000", "--reciprocals", "2");
        Browser browser = new Browser()) {
      browser.open(url(run));
      browser.await(
          "every instance",
          () ->
              browser.instances("reader", "running").size() == 1
                  && browser.instances("reciprocal", "running").size() == 2
                  && browser.instances("norm", "running").size() == 1);
      browser.await("frames", () -> browser.number("ledger-framesAcknowledged") > 0);
      assertThat(browser.isShown("no-frames")).isFalse();
      assertThat(browser.text("driver")).contains("running");

      PipelineProcess.signal(run.services(Stage.RECIPROCAL).getFirst().pid(), "KILL");
      browser.await("a dead instance", () -> !browser.instances("reciprocal", "dead").isEmpty());
      browser.await(
          "its successor",
          () -> browser.instances("reciprocal", "running").contains("reciprocal-3"));
      assertThat(browser.texts("#events [data-kind=death]")).isNotEmpty();

      PipelineProcess.command(directory, "scale", "norm=3", "--dir=" + run.runDirectory());
      browser.await("more norms", () -> browser.instances("norm", "running").size() == 3);
      PipelineProcess.command(directory, "scale", "norm=1", "--dir=" + run.runDirectory());
      browser.await("fewer norms", () -> browser.instances("norm", "running").size() == 1);
      browser.await("the scaling", () -> browser.texts("#events [data-kind=scaling]").size() == 2);

      for (String scheme : List.of("light", "dark")) {
        for (int width : List.of(1280, 390)) {
          browser.show(width, width == 390 ? 844 : 800, scheme);
          assertThat(browser.run("return document.documentElement.scrollWidth"))
              .as("width of the page at %s", width)
              .isEqualTo((long) width);
          browser.keepPicture(scheme + "-" + width);
        }
      }
      browser.assertNoErrors();
      run.assertDrains();
    }
  }

  @Test
  void shouldTellAnotherPageInTheSameBrowserNothing() throws Exception {
    Browser.assumeThere();
    try (PipelineProcess run = PipelineProcess.run(directory, "--rate", "100");
        Browser browser = new Browser()) {
      String url = url(run);
      JsonNode status = status(run);
      browser.open(status.get("instances").get(0).get("metricsUrl").asString());
      for (String mode : List.of("cors", "no-cors")) {
        Object outcome =
            browser.run(
                "return fetch('%sstate.json', {mode: '%s'}).then(r => r.text()).catch(e => 'refused')"
                    .formatted(url, mode));
        // Without CORS, a browser lets the page have an answer that looks empty.
        assertThat(outcome).isIn("refused", "");
      }
      run.assertDrains();
    }
  }

  @Test
  void shouldPrintTheSameWhereThereIsNoTerminal() throws Exception {
    try (PipelineProcess run = PipelineProcess.run(directory, "--rate", "1000", "--page", "off")) {
      run.awaitAcknowledged(1000);
      assertThat(run.err()).doesNotContain("live view");
      String here = "--dir=" + run.runDirectory();
      assertThat(PipelineProcess.command(directory, "top", "--once", here).out().lines())
          .anyMatch(line -> line.matches(" +reader-1 +running .*cores +busy .*"))
          .anyMatch(line -> line.matches(" +reciprocal-1 +running .*"))
          .anyMatch(line -> line.startsWith("ledger: read "))
          .noneMatch(line -> line.contains("\u001b"));
      JsonNode state =
          JsonMapper.shared()
              .readTree(PipelineProcess.command(directory, "top", "--once", "--json", here).out());
      JsonNode last = state.get("stages").get(Stage.ALL.size() - 1);
      assertThat(last.get("stage").asString()).isEqualTo("norm");
      assertThat(last.get("framesPerSecond").asDouble()).isPositive();

      JsonNode targets =
          JsonMapper.shared()
              .readTree(PipelineProcess.command(directory, "status", "--targets", here).out());
      assertThat(targets).hasSize(Stage.ALL.size());
      assertThat(targets)
          .allSatisfy(
              target ->
                  assertThat(target.at("/targets/0").asString()).matches("127\\.0\\.0\\.1:\\d+"));
      run.assertDrains();
    }
  }

  private JsonNode status(PipelineProcess run) {
    run.awaitAcknowledged(1);
    return JsonMapper.shared()
        .readTree(
            PipelineProcess.command(directory, "status", "--json", "--dir=" + run.runDirectory())
                .out());
  }

  /** The address that a run prints first. */
  private static String url(PipelineProcess run) {
    return await()
        .atMost(PipelineProcess.LIMIT)
        .until(
            () -> {
              Matcher matcher = URL.matcher(run.err());
              return matcher.find() ? matcher.group(1) : "";
            },
            url -> !url.isEmpty());
  }
}
