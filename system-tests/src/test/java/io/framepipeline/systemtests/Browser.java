package io.framepipeline.systemtests;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.logging.Level;
import org.awaitility.Awaitility;
import org.openqa.selenium.By;
import org.openqa.selenium.Dimension;
import org.openqa.selenium.NoSuchElementException;
import org.openqa.selenium.OutputType;
import org.openqa.selenium.StaleElementReferenceException;
import org.openqa.selenium.WebElement;
import org.openqa.selenium.chrome.ChromeDriver;
import org.openqa.selenium.chrome.ChromeDriverService;
import org.openqa.selenium.chrome.ChromeOptions;
import org.openqa.selenium.logging.LogEntry;
import org.openqa.selenium.logging.LogType;

/** A real browser that shows the live view. */
final class Browser implements AutoCloseable {
  private static final Path CHROMIUM = Path.of("/usr/bin/chromium");
  private static final Path DRIVER = Path.of("/usr/bin/chromedriver");

  private final ChromeDriver driver;

  /** Starts the browser, without a window. */
  Browser() {
    ChromeOptions options = new ChromeOptions();
    options.setBinary(CHROMIUM.toFile());
    // Root, as in containers, can have no sandbox; and /dev/shm is the pipelines'.
    options.addArguments(
        "--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--hide-scrollbars");
    options.setCapability("goog:loggingPrefs", Map.of(LogType.BROWSER, Level.ALL.getName()));
    driver =
        new ChromeDriver(
            new ChromeDriverService.Builder().usingDriverExecutable(DRIVER.toFile()).build(),
            options);
  }

  /** Skips the test if there is no browser. */
  static void assumeThere() {
    Surroundings.assume(
        Files.isExecutable(CHROMIUM) && Files.isExecutable(DRIVER),
        "the live view in a browser",
        "chromium and chromium-driver are not installed");
  }

  void open(String url) {
    driver.get(url);
  }

  /** Sets the size of what is seen, in pixels, and the colours: light or dark. */
  void show(int width, int height, String scheme) {
    driver.manage().window().setSize(new Dimension(width, height));
    driver.executeCdpCommand(
        "Emulation.setDeviceMetricsOverride",
        Map.of("width", width, "height", height, "deviceScaleFactor", 1, "mobile", width < 600));
    driver.executeCdpCommand(
        "Emulation.setEmulatedMedia",
        Map.of("features", List.of(Map.of("name", "prefers-color-scheme", "value", scheme))));
  }

  /** Runs JavaScript; its promise, if it returns one, is awaited. */
  Object run(String script) {
    return driver.executeScript(script);
  }

  /** The number that an element shows; -1 before it shows one. */
  long number(String id) {
    String text = driver.findElement(By.id(id)).getText().replace(",", "");
    return text.matches("\\d+") ? Long.parseLong(text) : -1;
  }

  boolean isShown(String id) {
    return driver.findElement(By.id(id)).isDisplayed();
  }

  String text(String id) {
    return driver.findElement(By.id(id)).getText();
  }

  /** The elements that a selector finds now, as text. */
  List<String> texts(String selector) {
    return driver.findElements(By.cssSelector(selector)).stream().map(WebElement::getText).toList();
  }

  /** The names of a stage's instances in a state. */
  List<String> instances(String stage, String state) {
    String selector = "[data-stage=%s] [data-instance][data-state=%s]".formatted(stage, state);
    return driver.findElements(By.cssSelector(selector)).stream()
        .map(element -> element.getDomAttribute("data-instance"))
        .toList();
  }

  /** Waits until something that the page shows is so; elements may come and go meanwhile. */
  void await(String what, Callable<Boolean> condition) {
    Awaitility.await(what)
        .atMost(PipelineProcess.LIMIT)
        .ignoreExceptionsInstanceOf(StaleElementReferenceException.class)
        .ignoreExceptionsInstanceOf(NoSuchElementException.class)
        .until(condition);
  }

  /** Keeps a picture where a person can look at it. */
  void keepPicture(String name) throws IOException {
    Path directory = Files.createDirectories(Path.of("target", "pictures"));
    Files.write(directory.resolve(name + ".png"), driver.getScreenshotAs(OutputType.BYTES));
  }

  /** The page must neither break its own rules nor fail. */
  void assertNoErrors() {
    assertThat(driver.manage().logs().get(LogType.BROWSER).getAll())
        .filteredOn(entry -> entry.getLevel().intValue() >= Level.SEVERE.intValue())
        .extracting(LogEntry::getMessage)
        .isEmpty();
  }

  @Override
  public void close() {
    driver.quit();
  }
}
