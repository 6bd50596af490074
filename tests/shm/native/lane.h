/* A lane in anonymous shared memory, as ring.h sees one: cursor, statistics, slots mapped twice. For the harnesses. */
#ifndef TEST_LANE_H
#define TEST_LANE_H

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "ring.h"

#define RECORD 64
#define CAPACITY 64
#define RESERVE 4
#define SAFE (CAPACITY - RESERVE)
#define WORDS (RECORD / 8)
#define MUST(condition)                                                          \
    do {                                                                         \
        if (!(condition)) {                                                      \
            fprintf(stderr, "%s:%d: not %s\n", __FILE__, __LINE__, #condition); \
            exit(1);                                                             \
        }                                                                        \
    } while (0)

/* Each word follows from the record's sequence and its writer's life: a torn record cannot pass. */
static uint64_t word_of(uint64_t sequence, uint64_t life, int i) {
    uint64_t x = (sequence ^ life << 40) + (uint64_t)(i + 1) * 0x9E3779B97F4A7C15u;
    return (x ^ x >> 29) * 0xBF58476D1CE4E5B9u;
}

static void make_record(uint64_t *record, uint64_t sequence, uint64_t life) {
    record[0] = sequence, record[1] = life;
    for (int i = 2; i < WORDS; i++) record[i] = word_of(sequence, life, i);
}

static int is_whole(const uint64_t *record, uint64_t sequence) {
    if (record[0] != sequence) return 0;
    for (int i = 2; i < WORDS; i++)
        if (record[i] != word_of(sequence, record[1], i)) return 0;
    return 1;
}

static char *make_lane(void) {
    int fd = memfd_create("lane", 0);
    MUST(fd >= 0 && !ftruncate(fd, 4096 + CAPACITY * RECORD));
    char *base = mmap(NULL, 4096 + 2 * CAPACITY * RECORD, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    MUST(base != MAP_FAILED);
    MUST(mmap(base, 4096 + CAPACITY * RECORD, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0) != MAP_FAILED);
    MUST(mmap(base + 4096 + CAPACITY * RECORD, CAPACITY * RECORD, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 4096) != MAP_FAILED);
    close(fd);
    return base;
}

static sy_writer open_writer(char *base, uint64_t idle_ticks) {
    sy_writer w = {.data = base + 4096, .cursor = (sy_word *)(base + SY_CURSOR_OFFSET),
                   .statistics = (sy_word *)(base + SY_STATISTICS_OFFSET), .capacity = CAPACITY, .reserve = RESERVE,
                   .record_size = RECORD, .idle_ticks = idle_ticks};
    w.next = atomic_load_explicit(w.cursor, memory_order_acquire);
    return w;
}

static inline sy_reader open_reader(char *base, uint64_t next) {
    return (sy_reader){base + 4096, (sy_word *)(base + SY_CURSOR_OFFSET), next, CAPACITY, RESERVE, RECORD};
}

static inline void publish(sy_writer *w, uint64_t n, uint64_t life) {
    uint64_t records[RESERVE][WORDS];
    for (uint64_t k = 0; k < n; k++) make_record(records[k], w->next + k, life);
    sy_begin(w);
    sy_copy(sy_slot(w, 0), (char *)records, n * RECORD);
    sy_publish(w, n);
}

/* Read one record: 1 whole, 0 none, exits when torn; *lost adds up what was reported. */
static inline int take(sy_reader *r, uint64_t *lost) {
    uint64_t record[WORDS], gone;
    uint64_t n = sy_available(r, &gone);
    *lost += gone;
    if (!n) return 0;
    sy_copy((char *)record, sy_read_slot(r, r->next), RECORD);
    if (sy_overwritten(r, r->next, 1)) return take(r, lost);
    MUST(is_whole(record, r->next));
    r->next++;
    return 1;
}
#endif
