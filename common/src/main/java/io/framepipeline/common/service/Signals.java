package io.framepipeline.common.service;

import java.lang.reflect.Proxy;

/**
 * Handles the signals that mean "stop", so that the program finishes its work and ends with an exit
 * code of its own. A shutdown hook cannot do that: once hooks run, the exit code is fixed at 143
 * and a second signal has no effect.
 */
public final class Signals {
  private Signals() {}

  /** Runs {@code onSignal} on a thread of the JVM at each SIGTERM and SIGINT. */
  public static void onStop(Runnable onSignal) {
    handle(onSignal, "TERM", "INT");
  }

  /** Runs {@code onSignal} at each SIGTERM, SIGINT and SIGHUP. */
  public static void onEnd(Runnable onSignal) {
    onStop(onSignal);
    onHangUp(onSignal);
  }

  /**
   * Runs {@code onSignal} at each SIGHUP. A terminal that ends may send several: the kernel sends
   * one, and its shell another. A process that was started with SIGHUP ignored, as by nohup, goes
   * on ignoring it; the JVM does that.
   */
  public static void onHangUp(Runnable onSignal) {
    handle(onSignal, "HUP");
  }

  /**
   * Uses reflection, because {@code sun.misc.Signal} has no public counterpart, and javac's warning
   * about it cannot be suppressed.
   */
  private static void handle(Runnable onSignal, String... names) {
    try {
      Class<?> signal = Class.forName("sun.misc.Signal");
      Class<?> handler = Class.forName("sun.misc.SignalHandler");
      Object callback =
          Proxy.newProxyInstance(
              Signals.class.getClassLoader(),
              new Class<?>[] {handler},
              (proxy, method, arguments) -> {
                if (method.getName().equals("handle")) {
                  onSignal.run();
                }
                return null;
              });
      for (String name : names) {
        Object named = signal.getConstructor(String.class).newInstance(name);
        signal.getMethod("handle", signal, handler).invoke(null, named, callback);
      }
    } catch (ReflectiveOperationException e) {
      throw new LinkageError("this JVM has no sun.misc.Signal", e);
    }
  }
}
