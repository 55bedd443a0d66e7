package io.framepipeline.common.service;

import java.lang.reflect.Proxy;

/**
 * Asks for SIGTERM, SIGINT and SIGHUP to be handled by this program, so that it drains and ends
 * with an exit code of its own. A shutdown hook could not do that: once hooks run, the exit code is
 * fixed at 143 and a second signal goes unnoticed.
 */
public final class Signals {
  private Signals() {}

  /**
   * Runs {@code onSignal} on a thread of the JVM at each of them, unless the process was started
   * ignoring it, as by nohup.
   *
   * <p>{@code sun.misc.Signal} has no public counterpart, and javac warns of it in a way that
   * cannot be suppressed; hence by reflection.
   */
  public static void onStop(Runnable onSignal) {
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
      for (String name : new String[] {"TERM", "INT", "HUP"}) {
        Object named = signal.getConstructor(String.class).newInstance(name);
        signal.getMethod("handle", signal, handler).invoke(null, named, callback);
      }
    } catch (ReflectiveOperationException e) {
      throw new LinkageError("this JVM has no sun.misc.Signal", e);
    }
  }
}
