/* What the pipeline is measured against, in C: the same frames and kernels without ledger or recovery.
 *
 *   baseline read SECONDS [COUNT]      frames/s that one thread reads from /dev/urandom, 64 KiB a read
 *   baseline rings mem|PATH SECONDS [COUNT]
 *                                      frames/s through three processes and two rings of 256 slots in shared memory,
 *                                      of the same 64 KiB again and again or of a file, 64 KiB a read, read again at
 *                                      its end
 *   baseline logs mem|PATH SECONDS [COUNT]
 *                                      the same with what Aeron's logs add if frames travel in them: three terms of
 *                                      128 slots, half a term as window, cleared by a fourth process before they are
 *                                      used again, and a copy of each frame in a ring of 1024
 *   baseline sleeping mem|PATH SECONDS [COUNT]
 *                                      rings whose processes sleep until there is work for them, on a futex, instead
 *                                      of yielding and looking again: woken for 32 frames, or for room for half a ring,
 *                                      or when who wakes them has nothing left to do
 *   baseline paced RATE SECONDS        the same rings with so many frames/s from /dev/urandom, each read when it is due:
 *                                      median and 99th percentile of the time from read to norm, in µs
 *   baseline reciprocals|norm SECONDS  ns a frame, in cache
 *
 * Prints the figures. COUNT is a file that has the number of frames so far, a 64-bit integer.
 * Compiled by gcc -O3 -march=native -ffast-math -mno-recip. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <math.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define N 4096      /* bytes in, floats out */
#define SLOTS 256   /* of rings, which are their window too */
#define LOG_SLOTS 384
#define LOG_WINDOW 64
#define CLEAR 8     /* slots at least that are cleared at once: an eighth of the window, as in Aeron */
#define RETAINED 1024
#define BATCH 16    /* frames in 64 KiB */
#define WAKE 32     /* frames for which a sleeping consumer is woken */
#define MAX_MICROS 1000000

static void die(const char *what) { perror(what); exit(1); }

static uint64_t now_nanos(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000ull + t.tv_nsec;
}

static double now(void) { return now_nanos() * 1e-9; }

static void sleep_for(double seconds) {
    struct timespec t = {(time_t)seconds, (long)((seconds - (time_t)seconds) * 1e9)};
    nanosleep(&t, 0);
}

static void reciprocals(const uint8_t *restrict x, float *restrict y) {
    for (int i = 0; i < N; i++) y[i] = 1.0f / (1.0f + (float)x[i]);
}

static float norm(const float *restrict y) {
    float a[32] = {0}; /* independent sums hide the latency of an addition */
    for (int i = 0; i < N; i += 32)
        for (int k = 0; k < 32; k++) a[k] += y[i + k] * y[i + k];
    float s = 0;
    for (int k = 0; k < 32; k++) s += a[k];
    return sqrtf(s);
}

/* One producer, one consumer; each counter on a cache line of its own. */
struct ring {
    _Alignas(64) _Atomic uint64_t published;
    _Alignas(64) _Atomic uint64_t released;
    _Alignas(64) _Atomic uint64_t limit; /* the producer has room before it */
    _Alignas(64) _Atomic uint32_t is_consumer_asleep;
    _Alignas(64) _Atomic uint32_t is_producer_asleep;
    _Alignas(64) uint64_t announced; /* the producer's: for what was published before it the consumer was woken */
    _Alignas(64) uint64_t yielded;   /* the consumer's: for what was released before it the producer was woken */
    _Alignas(64) char slots[];
};

static void *shared_file(size_t size, const char *path) {
    int fd = path ? open(path, O_RDWR | O_CREAT, 0600) : memfd_create("baseline", 0);
    if (fd < 0 || ftruncate(fd, size)) die(path ? path : "memfd_create");
    void *p = mmap(0, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, 0);
    if (p == MAP_FAILED) die("mmap");
    return p;
}

static void *shared(size_t size) { return shared_file(size, NULL); }

static void back_off(int *attempt) {
    if (++*attempt < 64) __asm__ volatile("" ::: "memory");
    else if (*attempt < 300) sched_yield();
    else nanosleep(&(struct timespec){0, 50000}, 0);
}

static void wake(_Atomic uint32_t *is_asleep) {
    if (atomic_load(is_asleep) && atomic_exchange(is_asleep, 0)) syscall(SYS_futex, is_asleep, FUTEX_WAKE, 1, 0, 0, 0);
}

static void sleep_on(_Atomic uint32_t *is_asleep) {
    struct timespec limit = {0, 2000000};
    syscall(SYS_futex, is_asleep, FUTEX_WAIT, 1, &limit, 0, 0);
}

static int is_sleeping;
static struct ring *bytes, *floats;

/* Before a process sleeps: who waits for less than a batch from it need not wait for more. */
static void wake_all(struct ring *in, struct ring *out) {
    if (in) wake(&in->is_producer_asleep);
    if (out) wake(&out->is_consumer_asleep);
}

/* Waits until a counter of the other side has moved. */
static void await_change(_Atomic uint64_t *counter, uint64_t position, uint64_t *seen, _Atomic uint32_t *is_asleep,
                         struct ring *in, struct ring *out) {
    for (int attempt = 0; position == (*seen = atomic_load_explicit(counter, memory_order_acquire));) {
        if (!is_sleeping) {
            back_off(&attempt);
            continue;
        }
        wake_all(in, out);
        atomic_store(is_asleep, 1);
        if (position == atomic_load(counter)) sleep_on(is_asleep);
        atomic_store(is_asleep, 0);
    }
}

static void await_room(struct ring *in, struct ring *out, uint64_t position, uint64_t *seen) {
    if (position == *seen) await_change(&out->limit, position, seen, &out->is_producer_asleep, in, out);
}

static void await_frame(struct ring *in, struct ring *out, uint64_t position, uint64_t *seen) {
    if (position == *seen) await_change(&in->published, position, seen, &in->is_consumer_asleep, in, out);
}

static void publish(struct ring *r, uint64_t position) {
    atomic_store_explicit(&r->published, position, memory_order_release);
    if (is_sleeping && position - r->announced >= WAKE) {
        r->announced = position;
        atomic_thread_fence(memory_order_seq_cst);
        wake(&r->is_consumer_asleep);
    }
}

static int are_logs;
static size_t slot_count = SLOTS;

static void release(struct ring *r, uint64_t position) {
    atomic_store_explicit(&r->released, position, memory_order_release);
    if (!are_logs) atomic_store_explicit(&r->limit, position + SLOTS, memory_order_release);
    if (is_sleeping && position - r->yielded >= SLOTS / 2) {
        r->yielded = position;
        atomic_thread_fence(memory_order_seq_cst);
        wake(&r->is_producer_asleep);
    }
}

static _Atomic uint64_t *normed;
static int source = -1; /* or none: the same 64 KiB again and again */
static _Alignas(64) uint8_t pool[BATCH * N];

/* Whoever is stopped in the middle of a read has read less. */
static void read_batch(void) {
    for (size_t length = 0; length < sizeof pool;) {
        ssize_t count = read(source, pool + length, sizeof pool - length);
        if (count > 0) length += count;
        else if (count == 0 ? lseek(source, 0, SEEK_SET) != 0 : errno != EINTR) die("source");
    }
}

/* With a rate: when each frame was read, and how many took how long until they were normed. */
static double rate;
static struct latencies {
    _Atomic uint32_t is_recording;
    uint64_t origin_nanos[RETAINED];
    uint32_t counts[MAX_MICROS];
} *latencies;

/* Reads the frame that is due next, when it is due; who falls behind catches up. */
static void read_when_due(uint64_t p) {
    static uint64_t start;
    if (p == 0) start = now_nanos();
    uint64_t due = start + (uint64_t)(p * 1e9 / rate);
    if (now_nanos() < due) {
        wake_all(NULL, bytes);
        struct timespec t = {(time_t)(due / 1000000000), (long)(due % 1000000000)};
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, 0);
    }
    if (read(source, pool + p % BATCH * N, N) != N) die("source");
    latencies->origin_nanos[p % RETAINED] = now_nanos();
}

static void record_latency(uint64_t p) {
    uint64_t micros = (now_nanos() - latencies->origin_nanos[p % RETAINED]) / 1000;
    if (atomic_load_explicit(&latencies->is_recording, memory_order_acquire))
        latencies->counts[micros < MAX_MICROS ? micros : MAX_MICROS - 1]++;
}

/* In µs, of those recorded. */
static double latency_quantile(double q) {
    uint64_t total = 0, below = 0;
    for (int i = 0; i < MAX_MICROS; i++) total += latencies->counts[i];
    for (int i = 0; i < MAX_MICROS; i++)
        if ((below += latencies->counts[i]) >= q * total) return i + 1;
    return MAX_MICROS;
}

static uint8_t *byte_slot(uint64_t p) { return (uint8_t *)bytes->slots + p % slot_count * N; }
static float *float_slot(uint64_t p) { return (float *)floats->slots + p % slot_count * N; }

static void run_reader(void) {
    static uint8_t retained[RETAINED][N];
    for (uint64_t p = 0, seen = 0;; p++) {
        if (rate > 0) read_when_due(p);
        else if (source >= 0 && p % BATCH == 0) read_batch();
        await_room(NULL, bytes, p, &seen);
        const uint8_t *frame = pool + p % BATCH * N;
        if (are_logs) frame = memcpy(retained[p % RETAINED], frame, N);
        memcpy(byte_slot(p), frame, N);
        publish(bytes, p + 1);
    }
}

static void run_reciprocals(void) {
    for (uint64_t p = 0, seen_in = 0, seen_out = 0;; p++) {
        await_frame(bytes, floats, p, &seen_in);
        await_room(bytes, floats, p, &seen_out);
        reciprocals(byte_slot(p), float_slot(p));
        publish(floats, p + 1);
        release(bytes, p + 1);
    }
}

static void run_norms(void) {
    volatile float result;
    for (uint64_t p = 0, seen = 0;; p++) {
        await_frame(floats, NULL, p, &seen);
        result = norm(float_slot(p));
        if (rate > 0) record_latency(p);
        release(floats, p + 1);
        atomic_store_explicit(normed, p + 1, memory_order_release);
    }
    (void)result;
}

/* Clears what was read and moves the producer's limit; returns whether that was worth it. */
static int clear(struct ring *r, size_t slot_length, uint64_t *cleared) {
    uint64_t released = atomic_load_explicit(&r->released, memory_order_acquire);
    if (released - *cleared < CLEAR) return 0;
    for (; *cleared < released; ++*cleared) memset(r->slots + *cleared % LOG_SLOTS * slot_length, 0, slot_length);
    atomic_store_explicit(&r->limit, released + LOG_WINDOW, memory_order_release);
    return 1;
}

static void run_driver(void) {
    uint64_t cleared_bytes = 0, cleared_floats = 0;
    for (int attempt = 0;; back_off(&attempt))
        if (clear(bytes, N, &cleared_bytes) + clear(floats, sizeof(float[N]), &cleared_floats)) attempt = 0;
}

static pid_t start(void (*stage)(void)) {
    pid_t pid = fork();
    if (pid < 0) die("fork");
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        prctl(PR_SET_TIMERSLACK, 1ul); /* sleeps end when they are due */
        stage();
    }
    return pid;
}

static double rings(double seconds) {
    if (are_logs) slot_count = LOG_SLOTS;
    bytes = shared(sizeof(struct ring) + slot_count * N);
    floats = shared(sizeof(struct ring) + slot_count * sizeof(float[N]));
    bytes->limit = floats->limit = are_logs ? LOG_WINDOW : SLOTS;
    latencies = shared(sizeof(struct latencies));
    for (size_t i = 0; i < sizeof pool; i++) pool[i] = (uint8_t)(i * 2654435761u >> 13);
    pid_t pids[] = {start(run_norms), start(run_reciprocals), start(run_reader), are_logs ? start(run_driver) : 0};
    sleep_for(1);
    uint64_t before = atomic_load(normed);
    double from = now();
    atomic_store(&latencies->is_recording, 1);
    sleep_for(seconds);
    double throughput = (atomic_load(normed) - before) / (now() - from);
    for (int i = 0; i < 4 && pids[i] > 0; i++) {
        kill(pids[i], SIGKILL);
        waitpid(pids[i], 0, 0);
    }
    return throughput;
}

static double read_loop(double seconds) {
    uint64_t frames = 0;
    double from = now();
    for (; now() - from < seconds; frames += BATCH) {
        read_batch();
        atomic_store_explicit(normed, frames + BATCH, memory_order_release);
    }
    return frames / (now() - from);
}

static double kernel(int is_norm, double seconds) {
    static _Alignas(64) float y[N];
    volatile float result = 0;
    uint64_t frames = 0;
    double from = now();
    reciprocals(pool, y);
    for (; now() - from < seconds; frames += 64)
        for (int i = 0; i < 64; i++) {
            if (is_norm) result = norm(y);
            else reciprocals(pool + i % BATCH * N, y);
            __asm__ volatile("" ::"r"(y), "r"(pool) : "memory");
        }
    (void)result;
    return (now() - from) * 1e9 / frames;
}

int main(int argc, char **argv) {
    if (argc < 3) return 64;
    int is_paced = !strcmp(argv[1], "paced"), is_read = !strcmp(argv[1], "read");
    int is_kernel = !strcmp(argv[1], "reciprocals") || !strcmp(argv[1], "norm");
    int seconds_at = is_read || is_kernel ? 2 : 3;
    if (argc <= seconds_at) return 64;
    double seconds = atof(argv[seconds_at]), figure;
    const char *path = is_read || is_paced ? "/dev/urandom" : is_kernel ? "mem" : argv[2];
    normed = shared_file(4096, argc > seconds_at + 1 ? argv[seconds_at + 1] : NULL);
    if (strcmp(path, "mem") && (source = open(path, O_RDONLY)) < 0) die(path);
    if (is_paced) {
        rate = atof(argv[2]);
        is_sleeping = 1;
        rings(seconds);
        printf("%.0f %.0f\n", latency_quantile(0.5), latency_quantile(0.99));
        return 0;
    }
    if (is_read) figure = read_loop(seconds);
    else if ((are_logs = !strcmp(argv[1], "logs")) || (is_sleeping = !strcmp(argv[1], "sleeping")) ||
             !strcmp(argv[1], "rings"))
        figure = rings(seconds);
    else figure = kernel(!strcmp(argv[1], "norm"), seconds);
    printf("%.1f\n", figure);
    return 0;
}
