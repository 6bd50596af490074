/* A sleeper on the idle edge, and a writer preempted at any instant: between its clock, its store and its wake too.
 *
 * A signal handler on the writer's thread spins for up to 4T, as a preemption would. The reader follows ring.h's rule (2T
 * of stillness after having seen the cursor) but sleeps without the 100 ms that hide a lost wake: two seconds of sleep
 * with something to read is one. With -DCLOCK_BEFORE_ONLY the writer is the broken one of RING.md, the control.
 */
#include "lane.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>

static char *lane;
static atomic_int lost_wakes, done;
static uint64_t total = 20000;
static atomic_uint_least64_t heard;
static _Thread_local uint64_t seed;

static uint64_t chance(uint64_t below) {
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (seed >> 33) % below;
}

static void spin(uint64_t ns) {
    uint64_t until = sy_monotonic_ns() + ns;
    while (sy_monotonic_ns() < until) sy_pause();
}

static void preempt(int signal) {
    (void)signal;
    int kept = errno;
    spin(chance(4 * SY_IDLE_NS));
    errno = kept;
}

static void move(sy_writer *w) {
#ifdef CLOCK_BEFORE_ONLY
    uint64_t before = sy_monotonic_ns(), gap = before - w->stored_ticks;
    spin(chance(4) ? 0 : chance(4 * SY_IDLE_NS));
    atomic_store_explicit(w->cursor, ++w->next, memory_order_release);
    if (gap > w->idle_ticks) sy_futex_wake(w->cursor);
    w->stored_ticks = before;
#else
    sy_publish(w, 1);
#endif
}

static void *write_all(void *argument) {
    sy_writer w = open_writer(lane, SY_IDLE_NS); /* counter_is_good is 0: ticks are nanoseconds */
    seed = 1;
    while (w.next < total && !atomic_load(&lost_wakes)) {
        move(&w);
        if (chance(2)) continue; /* two in a row: the second is no edge */
        while (atomic_load(&heard) < w.next && !atomic_load(&lost_wakes)) sched_yield();
        if (!chance(4)) spin(chance(3 * SY_IDLE_NS));
    }
    atomic_store(&done, 1);
    return argument;
}

static void *listen(void *argument) {
    sy_word *cursor = (sy_word *)(lane + SY_CURSOR_OFFSET);
    for (uint64_t seen = 0; seen < total && !atomic_load(&lost_wakes);) {
        uint64_t since = sy_monotonic_ns();
        while (atomic_load_explicit(cursor, memory_order_acquire) == seen && sy_monotonic_ns() - since < 2 * SY_IDLE_NS) sy_pause();
        if (atomic_load_explicit(cursor, memory_order_acquire) == seen && sy_futex_wait(cursor, seen, 2000000000) && errno == ETIMEDOUT)
            atomic_fetch_add(&lost_wakes, atomic_load_explicit(cursor, memory_order_acquire) != seen);
        seen = atomic_load_explicit(cursor, memory_order_acquire);
        atomic_store(&heard, seen);
    }
    return argument;
}

int main(int count, char **arguments) {
    pthread_t writer, reader;
    if (count > 1) total = strtoull(arguments[1], NULL, 10);
    signal(SIGUSR1, preempt);
    lane = make_lane();
    MUST(!pthread_create(&reader, NULL, listen, NULL) && !pthread_create(&writer, NULL, write_all, NULL));
    seed = 7;
    while (!atomic_load(&done)) {
        spin(chance(2 * SY_IDLE_NS));
        if (!atomic_load(&done)) pthread_kill(writer, SIGUSR1);
    }
    MUST(!pthread_join(writer, NULL) && !pthread_join(reader, NULL));
    printf("%llu moves, %d lost wakes\n", (unsigned long long)total, atomic_load(&lost_wakes));
    return atomic_load(&lost_wakes) != 0;
}
