package io.framepipeline.common.service;

import java.lang.reflect.Proxy;

/**
 * Asks for signals that mean "stop" to be handled by this program, so that it drains and ends with
 * an exit code of its own. A shutdown hook could not do that: once hooks run, the exit code is
 * fixed at 143 and a second signal goes unnoticed.
 */
public final class Signals {
  private Signals() {}

  /** Runs {@code onSignal} on a thread of the JVM at each SIGTERM and SIGINT. */
  public static void onStop(Runnable onSignal) {
    handle(onSignal, "TERM", "INT");
  }

  /** The same at each SIGTERM, SIGINT and SIGHUP. */
  public static void onEnd(Runnable onSignal) {
    onStop(onSignal);
    onHangUp(onSignal);
  }

  /**
   * The same at each SIGHUP, of which a terminal that ends may send several: the kernel one, and
   * its shell another. Who is started with SIGHUP ignored, as by nohup, goes on ignoring it: the
   * JVM sees to that.
   */
  public static void onHangUp(Runnable onSignal) {
    handle(onSignal, "HUP");
  }

  /**
   * {@code sun.misc.Signal} has no public counterpart, and javac warns of it in a way that cannot
   * be suppressed; hence by reflection.
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
