package io.framepipeline.reader;

import io.framepipeline.common.wire.Frames;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Future;
import java.util.stream.Collectors;
import org.apache.kafka.clients.consumer.CommitFailedException;
import org.apache.kafka.clients.consumer.ConsumerGroupMetadata;
import org.apache.kafka.clients.consumer.ConsumerRebalanceListener;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.MockConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.MockProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.TimeoutException;
import org.apache.kafka.common.header.Header;

/**
 * A topic of frames, a consumer group, and transactions, as far as {@link KafkaReader} sees them.
 * Everything that Kafka leaves open is decided by chance. Each transaction is checked when it
 * commits: its output follows without a gap on what was committed before, and its positions stand
 * right behind that.
 */
final class SimulatedKafka {
  static final String SOURCE = "frames";
  static final String RESULTS = "norms";
  static final int PARTITIONS = 3;

  /** Fewer than the source has, so that two share one. */
  static final int RESULTS_PARTITIONS = 2;

  private static final int[] REJECTED_LENGTHS = {-1, 0, 7, Frames.BYTE_PAYLOAD_LENGTH + 1};

  /** A frame, or a record without whole frames: what must be committed once. */
  private record Unit(long offset, int index, boolean isRejected) {
    @Override
    public String toString() {
      return isRejected ? offset + ":rejected" : offset + ":" + index;
    }
  }

  private static final class Transaction {
    final List<ProducerRecord<byte[], byte[]>> records = new ArrayList<>();
    final Map<TopicPartition, OffsetAndMetadata> positions = new HashMap<>();
    boolean isToAbort;
  }

  private final Random random;
  private final List<String> log;

  private final int failures;

  private final List<TreeMap<Long, byte[]>> records = new ArrayList<>();

  /** Of each partition, by offset; most records have none. */
  private final List<Map<Long, byte[]>> keys = new ArrayList<>();

  private final List<List<Unit>> units = new ArrayList<>();
  private final Map<TopicPartition, OffsetAndMetadata> committed = new HashMap<>();

  /** How many units of each partition are committed. */
  private final int[] done = new int[PARTITIONS];

  /** What a commit or an abort without an answer left behind. */
  private final Map<Member, Transaction> undecided = new LinkedHashMap<>();

  private final Member[] owners = new Member[PARTITIONS];
  private boolean isCalm;
  private boolean wasInDoubt;

  /**
   * @param log gets what happens
   * @param failures how many requests fail, in percent
   */
  SimulatedKafka(Random random, List<String> log, int failures) {
    this.random = random;
    this.log = log;
    this.failures = failures;
    for (int partition = 0; partition < PARTITIONS; partition++) {
      records.add(new TreeMap<>());
      keys.add(new HashMap<>());
      units.add(new ArrayList<>());
    }
  }

  /** Adds records to each partition: of up to three frames, or without whole ones. */
  void fill() {
    int limit = 2 << random.nextInt(6);
    for (int partition = 0; partition < PARTITIONS; partition++) {
      long offset = random.nextInt(3);
      for (int i = random.nextInt(limit); i > 0; i--) {
        add(partition, offset, Math.max(0, random.nextInt(5) - 1));
        // Where a transaction ended there is an offset without a record.
        offset += random.nextInt(4) == 0 ? 2 : 1;
      }
      log.add("partition " + partition + " holds " + units.get(partition));
    }
  }

  /**
   * Adds a record.
   *
   * @param frames how many the record has; if 0, it is to be rejected
   */
  void add(int partition, long offset, int frames) {
    for (int index = 0; index < frames; index++) {
      units.get(partition).add(new Unit(offset, index, false));
    }
    if (frames == 0) {
      units.get(partition).add(new Unit(offset, 0, true));
    }
    records
        .get(partition)
        .put(offset, frames == 0 ? rejectedValue() : value(partition, offset, frames));
  }

  /** Adds a record that has a key and no value. */
  void addTombstone(int partition, long offset, byte[] key) {
    units.get(partition).add(new Unit(offset, 0, true));
    records.get(partition).put(offset, null);
    keys.get(partition).put(offset, key);
  }

  private byte[] rejectedValue() {
    int length = REJECTED_LENGTHS[random.nextInt(REJECTED_LENGTHS.length)];
    return length < 0 ? null : new byte[length];
  }

  private static byte[] value(int partition, long offset, int frames) {
    ByteBuffer value = ByteBuffer.allocate(frames * Frames.BYTE_PAYLOAD_LENGTH);
    for (int index = 0; index < frames; index++) {
      value.putDouble(index * Frames.BYTE_PAYLOAD_LENGTH, norm(partition, offset, index));
    }
    return value.array();
  }

  /** No two frames have the same; a frame begins with it. */
  private static double norm(int partition, long offset, int index) {
    return partition * 10_000.0 + offset * 10.0 + index;
  }

  /** From now on nothing fails. */
  void calm() {
    isCalm = true;
  }

  boolean isAllCommitted() {
    for (int partition = 0; partition < PARTITIONS; partition++) {
      if (done[partition] < units.get(partition).size()) {
        return false;
      }
    }
    return true;
  }

  /** How many frames and rejected records of a partition are committed. */
  int completed(int partition) {
    return done[partition];
  }

  /** Whether a reader may not know of a commit. */
  boolean wasInDoubt() {
    return wasInDoubt;
  }

  long count(boolean isRejected) {
    return units.stream()
        .flatMap(List::stream)
        .filter(unit -> unit.isRejected == isRejected)
        .count();
  }

  @Override
  public String toString() {
    return "committed %s, undecided %s, owners %s"
        .formatted(committed, undecided.keySet(), List.of(describe(0), describe(1), describe(2)));
  }

  private String describe(int partition) {
    return "%s of %s by %s"
        .formatted(done[partition], units.get(partition).size(), owners[partition]);
  }

  // ---- the group ----

  /** Gives a partition without an owner to a member. */
  void assign(int partition, Member member) {
    if (owners[partition] == null && !member.isExpelled) {
      log.add("assign " + partition + " to " + member);
      owners[partition] = member;
      member.events.add(() -> member.onAssigned(name(partition)));
    }
  }

  /** Has the owner give a partition back at its next poll. */
  void revoke(int partition) {
    Member owner = owners[partition];
    if (owner != null && owner.positions.containsKey(name(partition))) {
      log.add("revoke " + partition + " from " + owner);
      owner.events.add(() -> owner.onRevoked(partition));
    }
  }

  /** Gives a silent member's partitions away; it hears of that at its next poll. */
  void expel(Member member) {
    log.add("expel " + member);
    remove(member);
    member.isExpelled = true;
    member.events.clear();
    member.events.add(member::onLost);
  }

  /** Forgets a member that is dead. */
  void remove(Member member) {
    for (int partition = 0; partition < PARTITIONS; partition++) {
      if (owners[partition] == member) {
        owners[partition] = null;
      }
    }
    member.isExpelled = true;
  }

  private static TopicPartition name(int partition) {
    return new TopicPartition(SOURCE, partition);
  }

  /** Says whether a member gets no answers about transactions and positions. */
  void cutOff(Member member, boolean isCutOff) {
    log.add(member + (isCutOff ? " is cut off" : " is not cut off"));
    member.isCutOff = isCutOff;
  }

  private boolean fails(Member member) {
    return !isCalm && (member.isCutOff || random.nextInt(100) < failures);
  }

  // ---- transactions ----

  /** The committed positions, for a member; null if there is no answer. */
  Map<TopicPartition, OffsetAndMetadata> positions(Member member) {
    return !undecided.isEmpty() || fails(member) ? null : Map.copyOf(committed);
  }

  /** Ends the transactions that the brokers end by themselves after a while. */
  void endUndecided() {
    List.copyOf(undecided.keySet()).forEach(this::endUndecided);
  }

  private void endUndecided(Member member) {
    endUndecided(member, random.nextBoolean());
  }

  /**
   * Ends a member's transaction if it is undecided.
   *
   * @param mayCommit aborts it otherwise
   */
  void endUndecided(Member member, boolean mayCommit) {
    Transaction transaction = undecided.remove(member);
    if (transaction != null) {
      boolean commits = mayCommit && !transaction.isToAbort;
      log.add((commits ? "at last, commit of " : "at last, abort of ") + member);
      if (commits) {
        commit(transaction);
      }
    }
  }

  private void commit(Transaction transaction) {
    int[] before = done.clone();
    for (ProducerRecord<byte[], byte[]> record : transaction.records) {
      if (record.topic().equals(RESULTS)) {
        checkResult(record);
      } else {
        checkRejected(record);
      }
    }
    for (int partition = 0; partition < PARTITIONS; partition++) {
      OffsetAndMetadata position = transaction.positions.get(name(partition));
      check(position != null || done[partition] == before[partition], "no position: %s", partition);
      if (position != null) {
        int completed = completed(partition, position);
        check(
            completed == done[partition],
            "position %s of %s is behind %s units, but %s are committed",
            position,
            partition,
            completed,
            done[partition]);
      }
    }
    committed.putAll(transaction.positions);
  }

  private void checkResult(ProducerRecord<byte[], byte[]> record) {
    String[] key = text(record.key()).split(":", -1);
    int partition = Integer.parseInt(key[0]);
    Unit unit = new Unit(Long.parseLong(key[1]), Integer.parseInt(key[2]), false);
    checkNext(partition, unit);
    double norm = norm(partition, unit.offset, unit.index);
    check(
        text(record.value()).equals(Double.toString(norm)),
        "%s is the norm of %s",
        text(record.value()),
        text(record.key()));
    check(record.partition() == partition % RESULTS_PARTITIONS, "in %s", record.partition());
  }

  private void checkRejected(ProducerRecord<byte[], byte[]> record) {
    check(record.topic().equals(SOURCE + "-rejected"), "a record for %s", record.topic());
    Map<String, String> headers = new HashMap<>();
    for (Header header : record.headers()) {
      headers.put(header.key(), text(header.value()));
    }
    int partition = Integer.parseInt(headers.get("partition"));
    checkNext(partition, new Unit(Long.parseLong(headers.get("offset")), 0, true));
  }

  private void checkNext(int partition, Unit unit) {
    List<Unit> all = units.get(partition);
    Unit next = done[partition] < all.size() ? all.get(done[partition]) : null;
    check(unit.equals(next), "%s of %s, not %s", unit, partition, next);
    done[partition]++;
  }

  /** How many units are before a position. */
  private int completed(int partition, OffsetAndMetadata position) {
    int frames = position.metadata().isEmpty() ? 0 : Integer.parseInt(position.metadata());
    return (int)
        units.get(partition).stream()
            .filter(
                unit ->
                    unit.offset < position.offset()
                        || (unit.offset == position.offset() && unit.index < frames))
            .count();
  }

  private static String text(byte[] bytes) {
    return new String(bytes, StandardCharsets.UTF_8);
  }

  @SuppressWarnings("AnnotateFormatMethod") // whose annotation is no dependency of this project
  private static void check(boolean condition, String message, Object... arguments) {
    if (!condition) {
      throw new AssertionError(message.formatted(arguments));
    }
  }

  /** A member of the group, for one reader. */
  final class Member extends MockConsumer<byte[], ByteBuffer> {
    private final String name;

    /** What its next poll hears of. */
    private final List<Runnable> events = new ArrayList<>();

    /** Of each partition that it has. */
    private final Map<TopicPartition, Long> positions = new HashMap<>();

    private final Set<TopicPartition> pausedPartitions = new HashSet<>();
    private ConsumerRebalanceListener listener;

    /** Whether the group goes on without it. */
    private boolean isExpelled;

    private boolean isCutOff;

    Member(String name) {
      super("none");
      this.name = name;
    }

    @Override
    public void subscribe(Collection<String> topics, ConsumerRebalanceListener callback) {
      listener = callback;
    }

    @Override
    public synchronized ConsumerRecords<byte[], ByteBuffer> poll(Duration timeout) {
      while (!events.isEmpty()) {
        events.removeFirst().run();
      }
      Map<TopicPartition, List<ConsumerRecord<byte[], ByteBuffer>>> fetched = new HashMap<>();
      Map<TopicPartition, OffsetAndMetadata> ends = new HashMap<>();
      for (TopicPartition partition : List.copyOf(positions.keySet())) {
        if (!pausedPartitions.contains(partition) && random.nextBoolean()) {
          List<ConsumerRecord<byte[], ByteBuffer>> list = fetch(partition);
          if (!list.isEmpty()) {
            fetched.put(partition, list);
            ends.put(partition, new OffsetAndMetadata(positions.get(partition)));
          }
        }
      }
      return new ConsumerRecords<>(fetched, ends);
    }

    private List<ConsumerRecord<byte[], ByteBuffer>> fetch(TopicPartition partition) {
      TreeMap<Long, byte[]> from = records.get(partition.partition());
      List<ConsumerRecord<byte[], ByteBuffer>> list =
          from.tailMap(positions.get(partition)).entrySet().stream()
              .limit(1 + random.nextInt(4))
              .map(
                  entry ->
                      new ConsumerRecord<byte[], ByteBuffer>(
                          SOURCE,
                          partition.partition(),
                          entry.getKey(),
                          keys.get(partition.partition()).get(entry.getKey()),
                          FetchedRecordTest.fetched(entry.getValue())))
              .collect(Collectors.toList());
      if (!list.isEmpty()) {
        long last = list.getLast().offset();
        Long following = from.higherKey(last);
        // With or without what is no record.
        positions.put(
            partition, following == null || random.nextBoolean() ? (Long) (last + 1) : following);
      }
      return list;
    }

    /** Has the next poll fail after what happens before. */
    void failPoll(RuntimeException failure) {
      events.add(
          () -> {
            throw failure;
          });
    }

    private void onAssigned(TopicPartition partition) {
      log.add(name + " gets " + partition.partition());
      positions.put(partition, null);
      listener.onPartitionsAssigned(List.of(partition));
    }

    private void onRevoked(int partition) {
      if (owners[partition] == this) {
        log.add(name + " gives " + partition + " back");
        listener.onPartitionsRevoked(List.of(name(partition)));
        positions.remove(name(partition));
        pausedPartitions.remove(name(partition));
        owners[partition] = null;
      }
    }

    private void onLost() {
      log.add(name + " hears that it is expelled");
      if (!positions.isEmpty()) {
        listener.onPartitionsLost(List.copyOf(positions.keySet()));
      }
      positions.clear();
      pausedPartitions.clear();
      isExpelled = false;
    }

    /** Leaves the group, and commits before. */
    void leave() {
      log.add(name + " leaves");
      while (!events.isEmpty()) {
        events.removeFirst().run();
      }
      listener.onPartitionsRevoked(List.copyOf(positions.keySet()));
      remove(this);
    }

    @Override
    public synchronized Map<TopicPartition, OffsetAndMetadata> committed(
        Set<TopicPartition> partitions, Duration timeout) {
      boolean isUnstable =
          undecided.values().stream()
              .anyMatch(
                  transaction -> partitions.stream().anyMatch(transaction.positions::containsKey));
      if (isUnstable || fails(this)) {
        throw new TimeoutException("no answer");
      }
      Map<TopicPartition, OffsetAndMetadata> answer = new HashMap<>();
      partitions.forEach(partition -> answer.put(partition, committed.get(partition)));
      return answer;
    }

    @Override
    public synchronized void seek(TopicPartition partition, long offset) {
      checkAssigned(partition);
      positions.put(partition, offset);
    }

    @Override
    public void seek(TopicPartition partition, OffsetAndMetadata position) {
      seek(partition, position.offset());
    }

    @Override
    public synchronized void seekToBeginning(Collection<TopicPartition> partitions) {
      partitions.forEach(partition -> seek(partition, 0));
    }

    @Override
    public synchronized void pause(Collection<TopicPartition> partitions) {
      partitions.forEach(this::checkAssigned);
      pausedPartitions.addAll(partitions);
    }

    @Override
    public synchronized void resume(Collection<TopicPartition> partitions) {
      partitions.forEach(this::checkAssigned);
      pausedPartitions.removeAll(partitions);
    }

    @Override
    public synchronized Set<TopicPartition> paused() {
      return Set.copyOf(pausedPartitions);
    }

    private void checkAssigned(TopicPartition partition) {
      if (!positions.containsKey(partition)) {
        throw new IllegalStateException(partition + " is not assigned to " + name);
      }
    }

    @Override
    public String toString() {
      return name;
    }
  }

  /** A producer with transactions, for one reader. */
  final class TransactionalProducer extends MockProducer<byte[], byte[]> {
    private final Member member;
    private Transaction transaction;
    private boolean isUncertain;

    TransactionalProducer(Member member) {
      this.member = member;
    }

    @Override
    public void initTransactions() {
      if (fails(member)) {
        throw new TimeoutException("no answer");
      }
      endUndecided(member);
    }

    @Override
    public void beginTransaction() {
      transaction = new Transaction();
    }

    @Override
    public synchronized Future<RecordMetadata> send(ProducerRecord<byte[], byte[]> sent) {
      transaction.records.add(sent);
      return CompletableFuture.completedFuture(null);
    }

    @Override
    public void sendOffsetsToTransaction(
        Map<TopicPartition, OffsetAndMetadata> offsets, ConsumerGroupMetadata group) {
      if (member.isExpelled) {
        throw new CommitFailedException();
      }
      if (fails(member)) {
        throw new TimeoutException("no answer");
      }
      transaction.positions.putAll(offsets);
    }

    @Override
    public void commitTransaction() {
      if (!fails(member)) {
        log.add(member + " commits " + transaction.positions);
        commit(transaction);
      } else if (!member.isCutOff && random.nextInt(3) == 0) {
        throw new KafkaException("a record was not written");
      } else {
        log.add(member + " may commit " + transaction.positions);
        leaveUndecided(false);
        throw new TimeoutException("no answer");
      }
    }

    @Override
    public void abortTransaction() {
      if (isUncertain) {
        throw new IllegalStateException("the commit must be repeated");
      }
      log.add(member + " aborts " + transaction.positions);
      if (fails(member)) {
        leaveUndecided(true);
        throw new TimeoutException("no answer");
      }
    }

    private void leaveUndecided(boolean isToAbort) {
      isUncertain = true;
      wasInDoubt = true;
      transaction.isToAbort = isToAbort;
      undecided.put(member, transaction);
    }

    @Override
    public void close(Duration timeout) {
      // Says nothing to the brokers.
    }
  }
}
