/**
 * The first stage. Its classes in groups:
 *
 * <ul>
 *   <li>The service: {@code ReaderService}, {@code ReaderSession}, {@code ReaderSettings}.
 *   <li>Reading: a {@code SourceReader} is a thread that fills the ring. {@code ChannelReader} is
 *       one for files, devices and streams, with {@code Source}, {@code StreamChannel}, {@code
 *       InputProgress}, {@code ReadMarks}, {@code Pacer} and {@code PartialFrame}.
 *   <li>Keeping frames until their norms are back: {@code RetainedFrames}, with {@code
 *       PayloadRing}, {@code DeliveryStates}, {@code ExpiredFrames}, {@code AbandonedFrames} and
 *       {@code NormRing}. {@code LossDetector} decides which deliveries have expired.
 *   <li>Outliving a death: {@code ReaderFiles}, {@code ReaderFile} and {@code ReaderMemory}.
 *   <li>Writing: {@code ResultsWriter}, with {@code ResultsTarget}, {@code ResultsChannel} and a
 *       {@code ResultsOutput} for each format.
 *   <li>Kafka, as source and for results: {@code KafkaReader}, {@code KafkaOutput} and all others
 *       that begin so, with {@code FetchedRecord} and {@code DoubleRecord}. {@code FramesToKafka}
 *       puts frames there.
 * </ul>
 *
 * <p>Uses: common. No other service uses it; the local command uses its settings.
 */
package io.framepipeline.reader;
