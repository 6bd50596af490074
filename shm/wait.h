/* How a reader waits for a record: spin, then yield, then sleep; and the clock that measures it.
 *
 * Where the processor's counter runs at one rate in every state, times are measured in its ticks; else in nanoseconds.
 */
#ifndef STEELYARD_WAIT_H
#define STEELYARD_WAIT_H

#include <Python.h>
#if defined(__x86_64__)
#include <cpuid.h>
#endif
#include <errno.h>
#include <sched.h>

#include "ring.h"

#define NAP_LEAST_NS 50000
#define NAP_MOST_NS 20000000
#define SIGNALS_NS 50000000 /* how long a signal may wait for its handler */

static int counter_is_good;
static double ticks_per_ns = 1.0;
static uint64_t longest_sleep_ns = 100000000;

/* Read both clocks at one moment: the closest of a few pairs, because the process may be preempted between the two. */
static void both_clocks(uint64_t *ns, uint64_t *ticks) {
    uint64_t closest = UINT64_MAX;
    for (int i = 0; i < 16 && closest > 200; i++) {
        uint64_t before = sy_monotonic_ns(), counter = sy_ticks(1), width = sy_monotonic_ns() - before;
        if (width < closest) closest = width, *ns = before + width / 2, *ticks = counter;
    }
}

/* Find out whether the processor's counter runs at one rate in every state, and measure that rate for 0.2 ms. */
static void calibrate(void) {
#if defined(__x86_64__)
    unsigned int a, b, c, d;
    counter_is_good = __get_cpuid(0x80000007, &a, &b, &c, &d) && (d & 1u << 8);
#elif defined(__aarch64__)
    counter_is_good = 1;
#endif
    if (!counter_is_good) return;
    uint64_t ns = 0, ticks = 0, ns_end = 0, ticks_end = 0;
    both_clocks(&ns, &ticks);
    while (sy_monotonic_ns() < ns + 200000) sy_pause();
    both_clocks(&ns_end, &ticks_end);
    ticks_per_ns = (double)(ticks_end - ticks) / (double)(ns_end - ns);
    if (ticks_per_ns < 1e-3) counter_is_good = 0, ticks_per_ns = 1.0;
}

static uint64_t in_ticks(uint64_t ns) {
    double ticks = (double)ns * ticks_per_ns;
    return ticks < 9e18 ? (uint64_t)ticks : (uint64_t)9e18; /* as good as unlimited; a larger cast is undefined */
}

typedef struct {
    sy_word *cursor;
    uint64_t next, timeout, spin, still_since; /* the latter three in ticks */
    int wakes;
} Wait;

/* Spin, then yield, then sleep until there is a record (1), the time is over (0), or signals are to be checked (-1). */
static int wait_for(Wait *wait, uint64_t started) {
    uint64_t entered = sy_ticks(counter_is_good), slice = in_ticks(SIGNALS_NS), still = in_ticks(2 * SY_IDLE_NS);
    for (;;) {
        if (atomic_load_explicit(wait->cursor, memory_order_acquire) != wait->next) return 1;
        uint64_t now = sy_ticks(counter_is_good);
        if (now - started >= wait->timeout) return 0;
        if (now - entered >= slice) return -1; /* a signal that arrived while we were awake interrupted no call */
        uint64_t left_ns = (uint64_t)((double)(wait->timeout - (now - started)) / ticks_per_ns);
        if (now - started < wait->spin) sy_pause();
        else if (now - wait->still_since < still) sched_yield();
        else if (wait->wakes) { /* bounded, so that a wrong clock costs no more than that */
            if (sy_futex_wait(wait->cursor, wait->next, left_ns < longest_sleep_ns ? left_ns : longest_sleep_ns) && errno == EINTR) return -1;
        } else { /* this lane wakes no reader: the longer it brings nothing, the longer the naps */
            uint64_t idle_ns = (uint64_t)((double)(now - wait->still_since) / ticks_per_ns) / 8;
            uint64_t nap_ns = idle_ns < NAP_LEAST_NS ? NAP_LEAST_NS : idle_ns < NAP_MOST_NS ? idle_ns : NAP_MOST_NS;
            struct timespec nap = {0, (long)(left_ns < nap_ns ? left_ns : nap_ns)};
            if (nanosleep(&nap, NULL) && errno == EINTR) return -1;
        }
    }
}

#endif
