/* The ring's protocol: one writer, and any number of readers that the writer does not know.
 *
 *   publish n <= reserve:  fence(release); write n records from the cursor on; store_release(cursor, c + n)
 *   read:                  c = load_acquire(cursor); lapped if c - r > capacity - reserve; copy;
 *                          fence(acquire); c2 = load_relaxed(cursor); records below c2 + reserve - capacity may be overwritten
 *
 * The writer changes no slot but those of [cursor, cursor + reserve). This constant reserve replaces a claim counter and
 * a sequence number in each slot: a killed writer leaves nothing to repair. The first fence orders the store of the
 * previous cursor before the bytes that follow it: a reader that sees any of these bytes also sees that cursor.
 *
 * A cell is a ring of 4 slots with reserve 1 whose value is the slot before the cursor. The lossless ring adds one check:
 * the writer stays within capacity - reserve of the cursor that its one consumer publishes.
 *
 * Everything here is inline, so that compiled code publishes without a call, and needs no Python. Offsets: layout.h.
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

#include "layout.h"
#if defined(__x86_64__)
#include <x86intrin.h>
#endif

#define SY_CELL_SLOTS 4
#define SY_CELL_HEAD 128
#define SY_IDLE_NS 50000 /* T: a writer that was idle for longer wakes readers; a reader sleeps after 2T without a record */
#define SY_PREFETCH_BYTES 256 /* how much of the next record a spinning reader prefetches */
#define SY_COPY_CHUNK 16384 /* far below the size from which glibc's memcpy uses non-temporal stores: the fences do not order those */

typedef _Atomic uint64_t sy_word;

/* ---- payload: plain bytes, or relaxed words where a checker must see every access -------------------------- */

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

/* Begin a write: return the slot to fill. The fence is the protocol's first. */
static inline char *sy_cell_begin(const sy_cell *cell) {
    uint64_t c = atomic_load_explicit((sy_word *)cell->base, memory_order_relaxed);
    atomic_thread_fence(memory_order_release);
    return sy_cell_slot(cell, c);
}

static inline void sy_cell_commit(const sy_cell *cell) {
    sy_word *cursor = (sy_word *)cell->base;
    atomic_store_explicit(cursor, atomic_load_explicit(cursor, memory_order_relaxed) + 1, memory_order_release);
}

/* Copy the latest record to `out`; return its cursor, or 0 before the first write. Repeat if the writer overtakes the copy. */
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
    char *data; /* slot 0; the data is mapped twice in a row, so the slots of one publish are contiguous */
    sy_word *cursor;
    sy_word *statistics; /* wakes, refused, ahead */
    uint64_t next;
    uint64_t capacity, reserve, record_size;
    uint64_t idle_ticks; /* 0: this lane wakes no reader */
    uint64_t stored_ticks; /* the clock just before the previous store */
    int counter_is_good;
    int lossless;
    sy_cell consumer; /* lossless: the first word of its record is the consumer's cursor; base NULL: no consumer is known */
    uint64_t consumed;
} sy_writer;

#define SY_STATISTIC_WAKES 0
#define SY_STATISTIC_REFUSED 1
#define SY_STATISTIC_AHEAD 2 /* refused because the consumer's cursor is beyond ours: it is of another life of the lane */

static inline void sy_count(sy_writer *w, int statistic) {
    sy_word *word = w->statistics + statistic;
    atomic_store_explicit(word, atomic_load_explicit(word, memory_order_relaxed) + 1, memory_order_relaxed);
}

/* Read the consumer's cursor. One beyond ours is ignored: by chance it would refuse a publish, or allow it. */
static inline void sy_read_consumer(sy_writer *w) {
    char record[64];
    uint64_t consumed;
    if (!w->consumer.base || !sy_cell_read(&w->consumer, record)) return;
    memcpy(&consumed, record, 8);
    if ((int64_t)(w->next - consumed) < 0) sy_count(w, SY_STATISTIC_AHEAD);
    else w->consumed = consumed;
}

/* Whether n records may be published; false on a full lossless ring only. */
static inline int sy_has_room(sy_writer *w, uint64_t n) {
    if (!w->lossless || w->next + n - w->consumed <= w->capacity - w->reserve) return 1;
    sy_read_consumer(w);
    if (w->next + n - w->consumed <= w->capacity - w->reserve) return 1;
    sy_count(w, SY_STATISTIC_REFUSED);
    return 0;
}

/* The protocol's first fence: call it before writing the first byte of a publish. */
static inline void sy_begin(sy_writer *w) {
    (void)w;
    atomic_thread_fence(memory_order_release);
}

/* The slot of the k-th record of a publish; k < reserve. */
static inline char *sy_slot(sy_writer *w, uint64_t k) {
    return w->data + ((w->next & (w->capacity - 1)) + k) * w->record_size;
}

/* Publish n records, and wake sleeping readers if this lane wakes and was idle. n <= reserve. */
static inline void sy_publish(sy_writer *w, uint64_t n) {
    w->next += n;
    if (!w->idle_ticks) {
        atomic_store_explicit(w->cursor, w->next, memory_order_release);
        return;
    }
    uint64_t before = sy_ticks(w->counter_is_good);
    atomic_store_explicit(w->cursor, w->next, memory_order_release);
    /* Read the clock again: a writer preempted before the store would measure too short a pause and not wake. */
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

/* Prefetch the lines of the next record before it exists: they then arrive with the cursor's line, not after it. */
static inline void sy_prefetch_next(const sy_reader *r) {
    const char *slot = sy_read_slot(r, r->next);
    for (uint64_t at = 0; at < r->record_size && at < SY_PREFETCH_BYTES; at += 64) __builtin_prefetch(slot + at);
}

/* How many records this reader has not read, those included that it may have lost; changes nothing. */
static inline uint64_t sy_unread(const sy_reader *r) {
    uint64_t c = atomic_load_explicit(r->cursor, memory_order_acquire);
    return (int64_t)(c - r->next) <= 0 ? 0 : c - r->next;
}

/* How many records can be read; if the writer lapped this reader, set *lost and move it to the oldest safe record. */
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

/* After reading n records from `first`: how many leading ones the writer may have overwritten meanwhile. */
static inline uint64_t sy_overwritten(const sy_reader *r, uint64_t first, uint64_t n) {
    atomic_thread_fence(memory_order_acquire);
    uint64_t c = atomic_load_explicit(r->cursor, memory_order_relaxed);
    if (c - first <= r->capacity - r->reserve) return 0;
    uint64_t overwritten = c + r->reserve - r->capacity - first;
    return overwritten < n ? overwritten : n;
}

#endif
