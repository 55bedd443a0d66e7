package io.framepipeline.reader;

import java.io.IOException;
import java.nio.ByteBuffer;

/**
 * Writes a line for each result: {@code reader sequence norm}. The norm reads back as the same
 * double.
 */
final class LinesOutput implements ResultsOutput {
  /**
   * Room for the longest line: 10 and 19 digits, 24 characters of a double, two blanks, a line
   * feed.
   */
  private static final int MAX_LINE_LENGTH = 64;

  private final ResultsChannel channel;
  private final ByteBuffer lines;
  private final StringBuilder line = new StringBuilder(MAX_LINE_LENGTH);
  private final int prefixLength;

  /**
   * @param reader the number of the reader whose results these are
   */
  LinesOutput(ResultsChannel channel, int reader) {
    this.channel = channel;
    this.lines = channel.newBuffer();
    this.prefixLength = line.append(reader).append(' ').length();
  }

  @Override
  public boolean hasRoom() {
    return lines.remaining() >= MAX_LINE_LENGTH;
  }

  @Override
  public void add(long sequence, double norm) {
    line.setLength(prefixLength);
    line.append(sequence).append(' ').append(norm).append('\n');
    for (int i = 0, length = line.length(); i < length; i++) {
      lines.put((byte) line.charAt(i));
    }
  }

  @Override
  public void flush() throws IOException {
    channel.append(lines.flip());
    lines.clear();
  }

  @Override
  public long bytes() {
    return channel.position();
  }
}
