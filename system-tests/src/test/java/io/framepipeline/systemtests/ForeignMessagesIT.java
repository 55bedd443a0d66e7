package io.framepipeline.systemtests;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.aeron.Aeron;
import io.aeron.Publication;
import io.framepipeline.common.metrics.StageStats;
import io.framepipeline.common.topology.Stage;
import io.framepipeline.common.wire.Frames;
import io.framepipeline.common.wire.RejectReason;
import io.framepipeline.common.wire.sbe.FrameBatchEncoder;
import io.framepipeline.common.wire.sbe.MessageHeaderEncoder;
import io.framepipeline.common.wire.sbe.NormsEncoder;
import java.nio.file.Path;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.agrona.concurrent.UnsafeBuffer;
import org.agrona.concurrent.status.CountersReader;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Another Aeron client puts what does not belong there into an inbox while frames flow. */
@Timeout(value = 3, unit = TimeUnit.MINUTES)
class ForeignMessagesIT {
  private static final String CHANNEL = "aeron:ipc?term-length=256k";
  private static final int SCHEMA = MessageHeaderEncoder.SCHEMA_ID;
  private static final int VERSION = MessageHeaderEncoder.SCHEMA_VERSION;
  private static final int UNKNOWN_TEMPLATE = 99;
  private static final int RANDOM_MESSAGES = 50;

  @TempDir private Path directory;

  @ParameterizedTest
  @EnumSource
  void shouldCountAndSkipForeignMessages(Stage stage) throws Exception {
    try (PipelineProcess run = PipelineProcess.run(directory)) {
      run.awaitAcknowledged(1000);
      StageStats stats = run.stats(stage);
      int withoutPayload = stage == Stage.READER ? 0 : 1;
      try (Aeron aeron =
              Aeron.connect(
                  new Aeron.Context().aeronDirectoryName(run.aeronDirectory().toString()));
          Publication publication =
              aeron.addPublication(CHANNEL, inboxStream(aeron.countersReader(), stage))) {
        int length = lengthFor(stage);
        int template = templateFor(stage);
        offer(publication, message(length, template, SCHEMA + 1, VERSION), length);
        offer(publication, message(length, template, SCHEMA, VERSION + 1), length);
        offer(publication, message(length, UNKNOWN_TEMPLATE, SCHEMA, VERSION), length);
        offer(publication, message(length, templateFor(nextOf(stage)), SCHEMA, VERSION), length);
        offer(publication, message(length, template, SCHEMA, VERSION), length - 1);
        offer(publication, message(length, template, SCHEMA, VERSION), 3);
        if (stage != Stage.READER) {
          // Nothing is wrong with it, but that there is no payload to it.
          UnsafeBuffer frame = message(length, template, SCHEMA, VERSION);
          new FrameBatchEncoder()
              .wrap(frame, MessageHeaderEncoder.ENCODED_LENGTH)
              .payloadLength(stage.inputLength())
              .frameCount(1);
          offer(publication, frame, length);
        }
        Random random = new Random(stage.label().hashCode());
        for (int i = 0; i < RANDOM_MESSAGES; i++) {
          byte[] bytes = new byte[8 + random.nextInt(length)];
          random.nextBytes(bytes);
          offer(publication, new UnsafeBuffer(bytes), bytes.length);
        }
      }
      await()
          .atMost(PipelineProcess.LIMIT)
          .until(() -> rejected(stats) == 6 + withoutPayload + RANDOM_MESSAGES);
      assertThat(stats.rejected(RejectReason.VERSION).get()).isEqualTo(1);
      assertThat(stats.rejected(RejectReason.TEMPLATE).get()).isEqualTo(1);
      assertThat(stats.rejected(RejectReason.STAGE).get()).isEqualTo(1);
      assertThat(stats.rejected(RejectReason.LENGTH).get()).isEqualTo(2);
      assertThat(stats.rejected(RejectReason.GONE).get()).isEqualTo(withoutPayload);
      assertThat(stats.rejected(RejectReason.SCHEMA).get()).isEqualTo(1 + RANDOM_MESSAGES);

      run.awaitFurtherAcknowledged(10_000);
      run.assertDrains();
      assertThat(run.report().get("framesRedelivered").asLong()).isZero();
    }
  }

  private static long rejected(StageStats stats) {
    long rejected = 0;
    for (RejectReason reason : RejectReason.values()) {
      rejected += stats.rejected(reason).get();
    }
    return rejected;
  }

  private static void offer(Publication publication, UnsafeBuffer message, int length) {
    await().atMost(PipelineProcess.LIMIT).until(() -> publication.offer(message, 0, length) > 0);
  }

  private static UnsafeBuffer message(int length, int template, int schema, int version) {
    UnsafeBuffer buffer = new UnsafeBuffer(new byte[length]);
    new MessageHeaderEncoder()
        .wrap(buffer, 0)
        .blockLength(blockLengthFor(template))
        .templateId(template)
        .schemaId(schema)
        .version(version);
    return buffer;
  }

  private static int blockLengthFor(int template) {
    return switch (template) {
      case FrameBatchEncoder.TEMPLATE_ID -> FrameBatchEncoder.BLOCK_LENGTH;
      default -> NormsEncoder.BLOCK_LENGTH;
    };
  }

  private static int templateFor(Stage stage) {
    return stage.isFirst() ? NormsEncoder.TEMPLATE_ID : FrameBatchEncoder.TEMPLATE_ID;
  }

  private static int lengthFor(Stage stage) {
    return stage.isFirst() ? 64 : Frames.MESSAGE_LENGTH;
  }

  private static Stage nextOf(Stage stage) {
    return stage.isLast() ? Stage.first() : stage.next();
  }

  /** An inbox's stream id, from the label that AeronStat shows. */
  private static int inboxStream(CountersReader counters, Stage stage) {
    Pattern label = Pattern.compile("inbox " + stage.label() + " stream=(-?\\d+) .*");
    AtomicInteger stream = new AtomicInteger();
    counters.forEach(
        (counterId, text) -> {
          Matcher matcher = label.matcher(text);
          if (matcher.matches()) {
            stream.set(Integer.parseInt(matcher.group(1)));
          }
        });
    return stream.get();
  }
}
