package io.framepipeline.reader;

import io.framepipeline.common.config.ExitException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.common.config.ConfigException;
import org.apache.kafka.common.errors.AuthenticationException;
import org.apache.kafka.common.errors.AuthorizationException;
import org.apache.kafka.common.errors.RetriableException;
import org.apache.kafka.common.errors.UnsupportedVersionException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Judges what Kafka's clients throw. What waiting cannot cure ends the reader with a line; of
 * anything else it says once in a while that it waits. For one thread.
 */
final class KafkaFailures {
  private static final Logger LOG = LoggerFactory.getLogger(KafkaFailures.class);
  private static final long WARNING_INTERVAL_NANOS = TimeUnit.SECONDS.toNanos(30);

  /** A name that is not resolved now may be later: brokers start, and so does a cluster's DNS. */
  private static final String UNRESOLVED = "No resolvable bootstrap urls";

  private final KafkaSettings settings;
  private final String what;
  private final int exitCode;
  private long warningNanos = System.nanoTime();

  /**
   * @param what fails: a source or results, with their name
   * @param exitCode if it fails for good
   */
  KafkaFailures(KafkaSettings settings, String what, int exitCode) {
    this.settings = settings;
    this.what = what;
    this.exitCode = exitCode;
  }

  /**
   * Returns if it may help to try again.
   *
   * @throws ExitException if not
   */
  void check(Throwable failure) {
    Throwable cause = cause(failure);
    if (cause instanceof ExitException exit) {
      throw exit;
    }
    String why = String.valueOf(cause.getMessage());
    if (cause instanceof ConfigException wrong && !why.startsWith(UNRESOLVED)) {
      throw KafkaSettings.wrong(wrong);
    }
    if (cause instanceof AuthenticationException) {
      throw exit(why, "see KAFKA_SECURITY_PROTOCOL, KAFKA_SASL_... and KAFKA_SSL_...");
    }
    if (cause instanceof AuthorizationException) {
      throw exit(why, "grant this user that right");
    }
    if (cause instanceof UnsupportedVersionException) {
      throw exit(why, "use newer brokers");
    }
    if (System.nanoTime() - warningNanos >= 0) {
      warningNanos = System.nanoTime() + WARNING_INTERVAL_NANOS;
      LOG.warn(
          "{}: no answer from KAFKA_BOOTSTRAP_SERVERS={}, which is asked again: {}",
          what,
          settings.servers(),
          why);
    }
  }

  /** The exception for a failure that ends the reader. */
  ExitException exit(String why, String remedy) {
    return new ExitException(exitCode, "%s: %s; %s".formatted(what, why, remedy));
  }

  /** Whether the clients say that the same may succeed later. */
  static boolean isRetriable(Throwable failure) {
    return cause(failure) instanceof RetriableException;
  }

  /** What is behind the wrappers of futures, callbacks and constructors. */
  static Throwable cause(Throwable failure) {
    Throwable cause = failure;
    while (cause.getCause() != null
        && (cause instanceof ExecutionException
            || cause.getClass() == org.apache.kafka.common.KafkaException.class)) {
      cause = cause.getCause();
    }
    return cause;
  }
}
