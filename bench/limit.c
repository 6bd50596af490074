/* The bare C loop over ring.h: what the protocol costs on this machine without Python.
 *
 *   limit raw CORE_A CORE_B ROUNDS                      one cache line bounced between two cores: ns for one way
 *   limit trip CORE_A CORE_B RECORD_SIZE TRIPS          a record there and one back: half of it, p50 and p99
 *   limit stream CORE_A CORE_B RECORD_SIZE COUNT BATCH  records a second, the writer held by its reader's cursor
 *
 * Two threads of one process, each on its core, over memory of the size the Python side uses. One JSON object a run.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "ring.h"

#define RING_BYTES (256u << 10)
#define CHUNK 1000 /* bounces to one sample of the raw line */
#define REPORT 64  /* records between two cursors that a reader writes into its cell */

typedef struct {
    _Alignas(256) sy_word cursor;
    _Alignas(256) char statistics[256];
    _Alignas(256) char cell[1024];
    _Alignas(4096) char data[RING_BYTES];
} lane;

static lane *there, *back;
static uint64_t size, count, batch;
static int core_a, core_b;
static double *samples;

static void pin(int core) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(core, &set);
    if (sched_setaffinity(0, sizeof set, &set)) perror("pinning");
}

static sy_writer writer_of(lane *l, int lossless) {
    sy_writer w = {.data = l->data, .cursor = &l->cursor, .statistics = (sy_word *)l->statistics, .record_size = size};
    w.capacity = RING_BYTES / size, w.reserve = batch, w.lossless = lossless;
    w.consumer = (sy_cell){l->cell, 64, 8};
    return w;
}

static sy_reader reader_of(lane *l) {
    return (sy_reader){.data = l->data, .cursor = &l->cursor, .capacity = RING_BYTES / size, .reserve = batch, .record_size = size};
}

static void put(sy_writer *w, const char *record, uint64_t n) {
    while (!sy_has_room(w, n)) sy_pause();
    sy_begin(w);
    sy_copy(sy_slot(w, 0), record, n * size);
    sy_publish(w, n);
}

static void read_record(sy_reader *r, char *record) {
    uint64_t lost;
    while (!sy_available(r, &lost)) sy_prefetch_next(r);
    sy_copy(record, sy_read_slot(r, r->next), size);
    if (lost || sy_overwritten(r, r->next, 1)) abort();
    r->next++;
}

static void report(lane *l, uint64_t cursor) {
    sy_cell cell = {l->cell, 64, 8};
    memcpy(sy_cell_begin(&cell), &cursor, 8);
    sy_cell_commit(&cell);
}

/* ---- the other core ------------------------------------------------------------------------------------------- */

static void *bounce(void *unused) {
    for (uint64_t i = 1; i <= count * CHUNK; i++) {
        while (atomic_load_explicit(&there->cursor, memory_order_acquire) != i);
        atomic_store_explicit(&back->cursor, i, memory_order_release);
    }
    return unused;
}

static void *echo(void *unused) {
    char record[4096];
    sy_reader r = reader_of(there);
    sy_writer w = writer_of(back, 0);
    for (uint64_t i = 0; i < count; i++) read_record(&r, record), put(&w, record, 1);
    return unused;
}

static void *drink(void *unused) {
    char record[4096];
    uint64_t lost, reported = 0;
    sy_reader r = reader_of(there);
    report(there, 0);
    while (r.next < count) {
        if (batch == 1) read_record(&r, record);
        else r.next += sy_available(&r, &lost);
        if (r.next - reported >= (batch == 1 ? REPORT : 1)) report(there, reported = r.next);
    }
    return unused;
}

/* ---- this core ------------------------------------------------------------------------------------------------ */

static uint64_t in_a_line(void) {
    for (uint64_t i = 1; i <= count * CHUNK; i++) {
        if (i % CHUNK == 1) samples[i / CHUNK] = (double)sy_monotonic_ns();
        atomic_store_explicit(&there->cursor, i, memory_order_release);
        while (atomic_load_explicit(&back->cursor, memory_order_acquire) != i);
        if (i % CHUNK == 0) samples[i / CHUNK - 1] = ((double)sy_monotonic_ns() - samples[i / CHUNK - 1]) / CHUNK / 2;
    }
    return count;
}

static uint64_t in_trips(void) {
    char record[4096] = {0};
    sy_writer w = writer_of(there, 0);
    sy_reader r = reader_of(back);
    uint64_t before = sy_monotonic_ns();
    for (uint64_t i = 0; i < count; i++) {
        put(&w, record, 1), read_record(&r, record);
        uint64_t now = sy_monotonic_ns();
        samples[i] = (double)(now - before) / 2;
        before = now;
    }
    return count;
}

static uint64_t in_a_stream(void) {
    static char records[RING_BYTES];
    sy_writer w = writer_of(there, 1);
    w.consumed = w.reserve - w.capacity;
    uint64_t before = sy_monotonic_ns();
    for (uint64_t i = 0; i < count; i += batch) put(&w, records, batch);
    samples[0] = (double)count / ((double)(sy_monotonic_ns() - before) / 1e9);
    return 1;
}

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void run(void *(*other)(void *), uint64_t (*here)(void)) {
    pthread_t thread;
    pin(core_b); /* inherited: the thread must never wait for this one's core */
    if (pthread_create(&thread, NULL, other, NULL)) abort();
    pin(core_a);
    uint64_t n = here();
    pthread_join(thread, NULL);
    qsort(samples, n, sizeof *samples, by_value);
    printf("{\"p50\": %.1f, \"p99\": %.1f, \"least\": %.1f}\n", samples[n / 2], samples[n * 99 / 100], samples[0]);
}

int main(int argc, char **argv) {
    if (argc < 5) return 2;
    core_a = atoi(argv[2]), core_b = atoi(argv[3]);
    int raw = !strcmp(argv[1], "raw"), trip = !strcmp(argv[1], "trip");
    size = raw ? 64 : strtoull(argv[4], NULL, 10);
    count = strtoull(argv[raw ? 4 : 5], NULL, 10);
    batch = argc > 6 ? strtoull(argv[6], NULL, 10) : 1;
    there = mmap(NULL, 2 * sizeof(lane), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    samples = calloc(count + 1, sizeof *samples);
    if (there == MAP_FAILED || !samples || size > 4096 || size % 8 || batch * size > RING_BYTES / 2) return 2;
    back = there + 1;
    run(raw ? bounce : trip ? echo : drink, raw ? in_a_line : trip ? in_trips : in_a_stream);
    return 0;
}
