package io.framepipeline.common.transport;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.aeron.ChannelUri;
import io.aeron.ChannelUriStringBuilder;
import io.aeron.logbuffer.LogBufferDescriptor;
import io.framepipeline.common.config.ExitException;
import io.framepipeline.common.wire.TestMessages;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ChannelsTest {
  @Test
  void shouldHoldMoreFramesThanAnInboxIsSentAtOnce() {
    int termLength =
        new ChannelUriStringBuilder(Channels.of(Channels.DEFAULT).frames()).termLength();
    assertThat(termLength).isEqualTo(LogBufferDescriptor.TERM_MIN_LENGTH);
    assertThat(termLength / 2 / TestMessages.LOG_LENGTH).isGreaterThan(Outboxes.WINDOW_FRAMES);
  }

  @Test
  void shouldMakeAcksSmallWhateverTheFramesAre() {
    for (String channel : new String[] {Channels.DEFAULT, "aeron:ipc?term-length=1g|mtu=65504"}) {
      ChannelUri acks = ChannelUri.parse(Channels.of(channel).answers());

      assertThat(acks.media()).isEqualTo("ipc");
      assertThat(acks.get("term-length")).isEqualTo("64k");
    }
  }

  @Test
  void shouldKeepWhatTheUserGave() {
    ChannelUri frames =
        ChannelUri.parse(Channels.of("aeron:ipc?term-length=16m|mtu=32k|pub-wnd=1m").frames());

    assertThat(frames.get("term-length")).isEqualTo("16m");
    assertThat(frames.get("mtu")).isEqualTo("32k");
    assertThat(frames.get("pub-wnd")).isEqualTo("1m");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = ';',
      value = {
        "aeron:udp?endpoint=localhost:20121|term-length=4m; media",
        "aeron-spy:aeron:ipc?term-length=4m; spy",
        "aeron:ipc; term-length",
        "aeron:ipc?mtu=32k; term-length",
        "aeron:ipc?term-length=32k; term-length",
        "aeron:ipc?term-length=4m|mtu=1450; 1450",
        "aeron:ipc?term-length=3m; 3145728",
        "aeron:ipc?term-length=2g; term-length",
        "aeron:ipc?term-length=many; parsing",
        "aeron:ipc?term-length=; term-length",
        "aeron:ipc?term-length=4m|mtu=1m; 1048576",
        "aeron:ipc?term-length=4m|mtu=x; x"
      })
  void shouldRefuseAChannelThatFramesCannotTravelOn(String channel, String reason) {
    ExitException refused =
        catchThrowableOfType(ExitException.class, () -> Channels.of(channel.strip()));

    assertThat(refused).as(channel).isNotNull();
    assertThat(refused.exitCode()).isEqualTo(64);
    String start = "PIPELINE_CHANNEL=" + channel.strip() + ": ";
    assertThat(refused).hasMessageStartingWith(start).hasMessageContaining("give an aeron:ipc");
    assertThat(refused.getMessage().substring(start.length())).contains(reason.strip());
    assertThat(refused.getMessage().lines()).hasSize(1);
  }

  @ParameterizedTest
  @ValueSource(strings = {"x", "ipc", "aeron:", "aeron", "aeron:ipc?", "aeron:ipc?term-length"})
  void shouldRefuseWhatIsNoChannel(String channel) {
    ExitException refused = catchThrowableOfType(ExitException.class, () -> Channels.of(channel));

    assertThat(refused).as(channel).isNotNull();
    assertThat(refused.exitCode()).isEqualTo(64);
    assertThat(refused).hasMessageStartingWith("PIPELINE_CHANNEL=" + channel + ": ");
    assertThat(refused.getMessage().lines()).hasSize(1);
  }
}
