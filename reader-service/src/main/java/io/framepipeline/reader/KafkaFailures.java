package io.framepipeline.reader;

import io.framepipeline.common.config.ExitCode;
import io.framepipeline.common.config.ExitException;
import java.util.StringJoiner;
import java.util.concurrent.CancellationException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;
import org.apache.kafka.common.KafkaException;
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
  private static final long PAUSE_NANOS = TimeUnit.MILLISECONDS.toNanos(200);
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
   * Makes a client. Waits until a broker's name can be resolved.
   *
   * @throws ExitException with {@link ExitCode#USAGE} if the client does not take its properties
   * @throws CancellationException if stopped while it waits
   */
  <T> T open(Supplier<T> client, BooleanSupplier isStopped) {
    while (!isStopped.getAsBoolean()) {
      try {
        return client.get();
      } catch (KafkaException e) {
        String why = String.valueOf(cause(e).getMessage());
        if (!why.startsWith(UNRESOLVED)) {
          throw KafkaSettings.wrong(chain(e));
        }
        check(e);
        LockSupport.parkNanos(PAUSE_NANOS);
      }
    }
    throw new CancellationException();
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
      if (cause instanceof RetriableException || why.startsWith(UNRESOLVED)) {
        LOG.warn(
            "{}: no answer from KAFKA_BOOTSTRAP_SERVERS={}, which is asked again: {}",
            what,
            settings.servers(),
            why);
      } else {
        LOG.warn("{}: Kafka refused, and is asked again: {}", what, why);
      }
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

  /** The messages of an exception and of what is behind it. */
  private static String chain(Throwable failure) {
    StringJoiner messages = new StringJoiner(": ");
    for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
      messages.add(String.valueOf(cause.getMessage()));
    }
    return messages.toString();
  }

  /** What is behind the wrappers of futures, callbacks and constructors. */
  static Throwable cause(Throwable failure) {
    Throwable cause = failure;
    while (cause.getCause() != null
        && (cause instanceof ExecutionException || cause.getClass() == KafkaException.class)) {
      cause = cause.getCause();
    }
    return cause;
  }
}
