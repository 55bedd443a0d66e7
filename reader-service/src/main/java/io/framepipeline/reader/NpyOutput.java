package io.framepipeline.reader;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;

/**
 * Writes the norms as a NumPy file, a one-dimensional array of float64, see {@code
 * numpy.lib.format}. The header holds the number of rows, and is rewritten after rows were written.
 * So the file can be loaded at any time, and after any end.
 */
final class NpyOutput implements ResultsOutput {
  private static final String MAGIC = "\u0093NUMPY\u0001\u0000";

  /** A multiple of 64, with room for the largest number of rows. */
  private static final int HEADER_LENGTH = 128;

  private static final int DICTIONARY_OFFSET = MAGIC.length() + Short.BYTES;
  private static final int DICTIONARY_LENGTH = HEADER_LENGTH - DICTIONARY_OFFSET;

  private final ResultsChannel channel;
  private final ByteBuffer rows;
  private final ByteBuffer header =
      ByteBuffer.allocateDirect(HEADER_LENGTH).order(ByteOrder.LITTLE_ENDIAN);
  private final StringBuilder dictionary = new StringBuilder(DICTIONARY_LENGTH);
  private long rowCount;

  /**
   * Makes an array without rows, or goes on with the rows that the file has.
   *
   * @throws IOException if its header cannot be written
   */
  NpyOutput(ResultsChannel channel) throws IOException {
    this.channel = channel;
    this.rows = channel.newBuffer().order(ByteOrder.LITTLE_ENDIAN);
    rowCount = Math.max(0, channel.position() - HEADER_LENGTH) / Double.BYTES;
    header.put(MAGIC.getBytes(StandardCharsets.ISO_8859_1)).putShort((short) DICTIONARY_LENGTH);
    writeHeader();
  }

  @Override
  public boolean hasRoom() {
    return rows.hasRemaining();
  }

  @Override
  public void add(long sequence, double norm) {
    rows.putDouble(norm);
  }

  @Override
  public void flush() throws IOException {
    rowCount += rows.flip().remaining() / Double.BYTES;
    channel.append(rows);
    rows.clear();
    writeHeader();
  }

  @Override
  public long bytes() {
    return channel.position();
  }

  private void writeHeader() throws IOException {
    dictionary.setLength(0);
    dictionary
        .append("{'descr': '<f8', 'fortran_order': False, 'shape': (")
        .append(rowCount)
        .append(",), }");
    header.position(DICTIONARY_OFFSET);
    for (int i = 0; i < DICTIONARY_LENGTH - 1; i++) {
      header.put((byte) (i < dictionary.length() ? dictionary.charAt(i) : ' '));
    }
    channel.writeAtStart(header.put((byte) '\n').flip());
  }
}
