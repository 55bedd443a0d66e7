package io.framepipeline.launcher;

import static org.assertj.core.api.Assertions.assertThat;

import io.framepipeline.common.config.ExitCode;
import io.framepipeline.common.config.ExitException;
import io.framepipeline.common.topology.Stage;
import java.io.IOException;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

@Timeout(value = 1, unit = TimeUnit.MINUTES)
class ControlServerTest {
  private static final RunStatus STATUS =
      new RunStatus("/aeron", new RunStatus.Driver(1), Map.of(), List.of(), null);

  @TempDir private Path directory;

  private UnixDomainSocketAddress address;
  private ControlServer server;

  @BeforeEach
  void open() throws IOException {
    address = RunDirectory.control(directory);
    server = new ControlServer(address);
  }

  @AfterEach
  void close() throws IOException {
    server.close();
  }

  @Test
  void shouldHandARequestToTheThreadThatWorksAndItsAnswerBack() {
    CompletableFuture<RunStatus> answer =
        CompletableFuture.supplyAsync(
            () ->
                new ControlClient(directory).ask(new ControlRequest(Map.of(Stage.RECIPROCAL, 3))));
    while (!answer.isDone()) {
      server.doWork(
          request -> {
            assertThat(request.scale()).containsExactly(Map.entry(Stage.RECIPROCAL, 3));
            return STATUS;
          });
      Thread.onSpinWait();
    }
    assertThat(answer.join()).isEqualTo(STATUS);
  }

  @Test
  void shouldHandARefusalBackWithItsExitCode() {
    CompletableFuture<ExitException> refusal =
        CompletableFuture.supplyAsync(
            () -> {
              try {
                new ControlClient(directory).ask(ControlRequest.STATUS);
                return null;
              } catch (ExitException e) {
                return e;
              }
            });
    while (!refusal.isDone()) {
      server.doWork(
          request -> {
            throw new ExitException(ExitCode.NO_INPUT, "refused");
          });
      Thread.onSpinWait();
    }
    assertThat(refusal.join()).hasMessage("refused");
    assertThat(refusal.join().exitCode()).isEqualTo(ExitCode.NO_INPUT);
  }

  /** Such a request never gets as far as the thread that works, which is not even there. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "null",
        "[]",
        "nonsense",
        "{\"stop\":true}",
        "{\"scale\":{\"DRIVER\":2}}",
        "{\"scale\":{\"READER\":null}}",
        "{\"scale\":{\"READER\":0}}",
        "{\"scale\":{\"READER\":65}}"
      })
  void shouldRefuseAMalformedRequest(String request) throws IOException {
    JsonNode answer = JsonMapper.shared().readTree(exchange(request + "\n"));
    assertThat(answer.get("exitCode").asInt()).isEqualTo(ExitCode.USAGE);
    assertThat(answer.get("line").asString()).contains("must be").doesNotContain("\n");
  }

  @Test
  void shouldServeTheNextClientThoughOneSentTooMuchAndOneNothing() throws IOException {
    try (SocketChannel silent = SocketChannel.open(address);
        SocketChannel endless = SocketChannel.open(address)) {
      endless.write(ByteBuffer.allocate(100_000));
      assertThat(silent.isConnected()).isTrue();
      assertThat(exchange("[]\n")).contains("must be");
    }
  }

  private String exchange(String request) throws IOException {
    try (SocketChannel channel = SocketChannel.open(address)) {
      channel.write(StandardCharsets.UTF_8.encode(request));
      return new String(Channels.newInputStream(channel).readAllBytes(), StandardCharsets.UTF_8);
    }
  }
}
