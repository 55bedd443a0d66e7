package io.framepipeline.launcher;

import java.io.PrintStream;

/**
 * Shows text that changes. In a terminal the new text is written over the old one, line by line and
 * in one piece, so that nothing flickers. Elsewhere each text follows the one before.
 */
final class Screen {
  private static final String HOME = "\u001b[H";
  private static final String CLEAR = "\u001b[2J";
  private static final String CLEAR_TO_LINE_END = "\u001b[K";
  private static final String CLEAR_BELOW = "\u001b[J";

  private final PrintStream out;

  @SuppressWarnings("SystemConsoleNull") // it is null without a terminal, again since JDK 25
  private final boolean isTerminal = System.console() != null && System.console().isTerminal();

  private boolean isCleared;

  Screen(PrintStream out) {
    this.out = out;
  }

  void show(String text) {
    if (!isTerminal) {
      out.println(text);
      return;
    }
    String lines = text.replace("\n", CLEAR_TO_LINE_END + "\n");
    out.print((isCleared ? HOME : CLEAR + HOME) + lines + CLEAR_BELOW);
    out.flush();
    isCleared = true;
  }
}
