/* The ring's protocol: one writer, any number of readers that the writer never sees.
 *
 *   header 0–1023 immutable │ 1024 owner │ 2048 cursor (alone on 128 bytes) │ 2304 statistics │ data, mapped twice
 *
 *   publish n <= reserve:  fence(release); write n records behind the cursor; store_release(cursor, c + n)
 *   read:                  c = load_acquire(cursor); lapped if c - r > capacity - reserve; copy;
 *                          fence(acquire); c2 = load_relaxed(cursor); records below c2 + reserve - capacity are suspect
 *
 * The writer may be dirtying only [cursor, cursor + reserve). The constant reserve takes the place of a claim counter and
 * of a sequence in every slot: a killed writer leaves nothing to repair. The first fence keeps the store of the previous
 * cursor before the bytes that follow it, so that a reader which saw any of those bytes also sees that cursor.
 *
 * A cell is a ring of 4 slots with reserve 1 whose value is the slot before the cursor. The lossless ring adds one check:
 * the writer never goes further than capacity - reserve beyond what its one consumer says it has read.
 *
 * Everything here is inline, so that compiled code publishes without a call. It knows nothing of Python.
 */
#ifndef STEELYARD_RING_H
#define STEELYARD_RING_H

#include <linux/futex.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#if defined(__x86_64__)
#include <x86intrin.h>
#endif

#define SY_OWNER_OFFSET 1024
#define SY_OWNER_CLEAN_OFFSET (SY_OWNER_OFFSET + 40)
#define SY_CURSOR_OFFSET 2048
#define SY_STATISTICS_OFFSET 2304
#define SY_CELL_SLOTS 4
#define SY_CELL_HEAD 128
#define SY_IDLE_NS 50000 /* T: a writer idle for longer wakes; a reader sleeps after 2T of stillness */
#define SY_EXPECT_BYTES 256 /* as much of a record as a spinning reader asks for ahead */
#define SY_COPY_CHUNK 16384 /* glibc's memcpy turns to non-temporal stores far above this; they would escape the fences */

typedef _Atomic uint64_t sy_word;

/* ---- payload: plain bytes, or relaxed words where a checker wants to see every access -------------------------- */

static inline void sy_copy(char *to, const char *from, uint64_t size) {
#ifdef SY_WORD_ATOMIC
    for (uint64_t i = 0; i < size; i += 8)
        atomic_store_explicit((sy_word *)(to + i), atomic_load_explicit((sy_word *)(from + i), memory_order_relaxed),
                              memory_order_relaxed);
#else
    while (size > SY_COPY_CHUNK) {
        memcpy(to, from, SY_COPY_CHUNK);
        to += SY_COPY_CHUNK, from += SY_COPY_CHUNK, size -= SY_COPY_CHUNK;
    }
    memcpy(to, from, size);
#endif
}

/* ---- time for the idle edge: any clock that all cores agree on to well under T --------------------------------- */

static inline uint64_t sy_monotonic_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static inline uint64_t sy_ticks(int counter_is_good) {
#if defined(__x86_64__)
    if (counter_is_good) return __rdtsc();
#elif defined(__aarch64__)
    if (counter_is_good) {
        uint64_t ticks;
        __asm__ volatile("mrs %0, cntvct_el0" : "=r"(ticks) : : "memory"); /* not moved across the store it times */
        return ticks;
    }
#endif
    return sy_monotonic_ns();
}

static inline void sy_pause(void) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

/* ---- futex: the low half of the cursor is the word; works on a read-only mapping, across processes -------------- */

static inline uint32_t *sy_futex_word(sy_word *cursor) {
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    return (uint32_t *)cursor;
#else
    return (uint32_t *)cursor + 1;
#endif
}

static inline long sy_futex_wake(sy_word *cursor) {
    return syscall(SYS_futex, sy_futex_word(cursor), FUTEX_WAKE, INT32_MAX, NULL, NULL, 0);
}

static inline long sy_futex_wait(sy_word *cursor, uint64_t seen, uint64_t timeout_ns) {
    struct timespec t = {(time_t)(timeout_ns / 1000000000u), (long)(timeout_ns % 1000000000u)};
    return syscall(SYS_futex, sy_futex_word(cursor), FUTEX_WAIT, (uint32_t)seen, &t, NULL, 0);
}

/* ---- cell ------------------------------------------------------------------------------------------------------ */

typedef struct {
    char *base; /* cursor word, then SY_CELL_SLOTS slots from base + SY_CELL_HEAD */
    uint64_t stride;
    uint64_t record_size;
} sy_cell;

static inline uint64_t sy_cell_size(uint64_t record_size) {
    return SY_CELL_HEAD + SY_CELL_SLOTS * ((record_size + 63) / 64 * 64);
}

static inline char *sy_cell_slot(const sy_cell *cell, uint64_t sequence) {
    return cell->base + SY_CELL_HEAD + (sequence & (SY_CELL_SLOTS - 1)) * cell->stride;
}

/* Begin a write: the slot to fill. The fence is the protocol's first. */
static inline char *sy_cell_begin(const sy_cell *cell) {
    uint64_t c = atomic_load_explicit((sy_word *)cell->base, memory_order_relaxed);
    atomic_thread_fence(memory_order_release);
    return sy_cell_slot(cell, c);
}

static inline void sy_cell_commit(const sy_cell *cell) {
    sy_word *cursor = (sy_word *)cell->base;
    atomic_store_explicit(cursor, atomic_load_explicit(cursor, memory_order_relaxed) + 1, memory_order_release);
}

/* The latest record into `out`; its cursor, or 0 when never written. Tries again while the writer overtakes the copy. */
static inline uint64_t sy_cell_read(const sy_cell *cell, char *out) {
    sy_word *cursor = (sy_word *)cell->base;
    for (;;) {
        uint64_t c = atomic_load_explicit(cursor, memory_order_acquire);
        if (c == 0) return 0;
        sy_copy(out, sy_cell_slot(cell, c - 1), cell->record_size);
        atomic_thread_fence(memory_order_acquire);
        uint64_t c2 = atomic_load_explicit(cursor, memory_order_relaxed);
        if (c2 - (c - 1) <= SY_CELL_SLOTS - 1) return c;
    }
}

/* ---- ring: the writer's side ------------------------------------------------------------------------------------- */

typedef struct {
    char *data; /* slot 0; the data is mapped twice in a row, so that slots of one publish never wrap */
    sy_word *cursor;
    sy_word *statistics; /* wakes, refused, ahead */
    uint64_t next;
    uint64_t capacity, reserve, record_size;
    uint64_t idle_ticks; /* 0: this lane never wakes */
    uint64_t stored_ticks; /* the clock just before the previous store */
    int counter_is_good;
    int lossless;
    sy_cell consumer; /* lossless: first word of its record is the consumer's cursor; base NULL: no consumer known */
    uint64_t consumed;
} sy_writer;

#define SY_STATISTIC_WAKES 0
#define SY_STATISTIC_REFUSED 1
#define SY_STATISTIC_AHEAD 2 /* refused because the consumer's cursor lies beyond ours: it belongs to another lane's life */

static inline void sy_count(sy_writer *w, int statistic) {
    sy_word *word = w->statistics + statistic;
    atomic_store_explicit(word, atomic_load_explicit(word, memory_order_relaxed) + 1, memory_order_relaxed);
}

/* What the consumer says now. A cursor beyond ours is not believed: it would refuse, or let in, by chance. */
static inline void sy_ask_consumer(sy_writer *w) {
    char record[64];
    uint64_t consumed;
    if (!w->consumer.base || !sy_cell_read(&w->consumer, record)) return;
    memcpy(&consumed, record, 8);
    if ((int64_t)(w->next - consumed) < 0) sy_count(w, SY_STATISTIC_AHEAD);
    else w->consumed = consumed;
}

/* May n records go in? Only a lossless ring ever says no. */
static inline int sy_room(sy_writer *w, uint64_t n) {
    if (!w->lossless || w->next + n - w->consumed <= w->capacity - w->reserve) return 1;
    sy_ask_consumer(w);
    if (w->next + n - w->consumed <= w->capacity - w->reserve) return 1;
    sy_count(w, SY_STATISTIC_REFUSED);
    return 0;
}

/* The protocol's first fence: call before the first byte of a publish is written. */
static inline void sy_begin(sy_writer *w) {
    (void)w;
    atomic_thread_fence(memory_order_release);
}

/* Where the k-th record of the publish goes; k < reserve. */
static inline char *sy_slot(sy_writer *w, uint64_t k) {
    return w->data + ((w->next & (w->capacity - 1)) + k) * w->record_size;
}

/* Make n records visible, and wake sleepers if this lane wakes and stood idle. n <= reserve. */
static inline void sy_publish(sy_writer *w, uint64_t n) {
    w->next += n;
    if (!w->idle_ticks) {
        atomic_store_explicit(w->cursor, w->next, memory_order_release);
        return;
    }
    uint64_t before = sy_ticks(w->counter_is_good);
    atomic_store_explicit(w->cursor, w->next, memory_order_release);
    /* Read again after the store: a writer preempted between would measure a gap too small and lose the wake. */
    uint64_t after = sy_ticks(w->counter_is_good);
    if (after - w->stored_ticks > w->idle_ticks) {
        sy_futex_wake(w->cursor);
        sy_count(w, SY_STATISTIC_WAKES);
    }
    w->stored_ticks = before;
}

/* ---- ring: a reader's side --------------------------------------------------------------------------------------- */

typedef struct {
    const char *data;
    sy_word *cursor; /* in a read-only mapping */
    uint64_t next;
    uint64_t capacity, reserve, record_size;
} sy_reader;

static inline const char *sy_read_slot(const sy_reader *r, uint64_t sequence) {
    return r->data + (sequence & (r->capacity - 1)) * r->record_size;
}

/* Ask for the next record's lines while nothing waits: they then come with the cursor's line instead of after it. */
static inline void sy_expect(const sy_reader *r) {
    const char *slot = sy_read_slot(r, r->next);
    for (uint64_t at = 0; at < r->record_size && at < SY_EXPECT_BYTES; at += 64) __builtin_prefetch(slot + at);
}

/* How many records lie beyond this reader, those included that it may have lost: for a look that changes nothing. */
static inline uint64_t sy_beyond(const sy_reader *r) {
    uint64_t c = atomic_load_explicit(r->cursor, memory_order_acquire);
    return (int64_t)(c - r->next) <= 0 ? 0 : c - r->next;
}

/* How many records wait; sets *lost when the writer has lapped this reader, and moves it to the oldest safe record. */
static inline uint64_t sy_available(sy_reader *r, uint64_t *lost) {
    uint64_t c = atomic_load_explicit(r->cursor, memory_order_acquire);
    *lost = 0;
    if ((int64_t)(c - r->next) <= 0) return 0;
    if (c - r->next > r->capacity - r->reserve) {
        uint64_t safe = c + r->reserve - r->capacity;
        *lost = safe - r->next;
        r->next = safe;
    }
    return c - r->next;
}

/* After a copy or a view of n records from `first`: how many leading ones may be torn. */
static inline uint64_t sy_torn(const sy_reader *r, uint64_t first, uint64_t n) {
    atomic_thread_fence(memory_order_acquire);
    uint64_t c = atomic_load_explicit(r->cursor, memory_order_relaxed);
    if (c - first <= r->capacity - r->reserve) return 0;
    uint64_t torn = c + r->reserve - r->capacity - first;
    return torn < n ? torn : n;
}

#endif
