/* One writer and three readers as threads, for ThreadSanitizer: with SY_WORD_ATOMIC every shared access is atomic and
 * nothing may be flagged; without it the payload is a race by C11's letter, and must be flagged (the control). The
 * records are judged all the while, also in a build without the sanitizer.
 */
#include "lane.h"

#include <pthread.h>
#include <sched.h>

static char *lane;
static uint64_t total = 100000;
static pthread_barrier_t together;

static void *write_all(void *argument) {
    sy_writer w = open_writer(lane, 1000);
    pthread_barrier_wait(&together);
    while (w.next < total) {
        publish(&w, w.next % RESERVE + 1 < total - w.next ? w.next % RESERVE + 1 : total - w.next, 1);
        if (w.next % 128 < RESERVE) sched_yield(); /* so that they overlap on one core too */
    }
    return argument;
}

static void *read_all(void *argument) {
    uint64_t *tally = argument; /* accepted, lost */
    sy_reader r = open_reader(lane, 0);
    pthread_barrier_wait(&together);
    while (r.next < total)
        if (take(&r, &tally[1]) && ++tally[0] % 512) continue;
        else sched_yield(); /* nothing there, or time to be lapped */
    return argument;
}

int main(int count, char **arguments) {
    pthread_t writer, readers[3];
    uint64_t tallies[3][8] = {{0}};
    if (count > 1) total = strtoull(arguments[1], NULL, 10);
    lane = make_lane();
    MUST(!pthread_barrier_init(&together, NULL, 4));
    for (int i = 0; i < 3; i++) MUST(!pthread_create(&readers[i], NULL, read_all, tallies[i]));
    MUST(!pthread_create(&writer, NULL, write_all, NULL));
    MUST(!pthread_join(writer, NULL));
    for (int i = 0; i < 3; i++) {
        MUST(!pthread_join(readers[i], NULL));
        MUST(tallies[i][0] + tallies[i][1] == total);
        printf("accepted %llu, lost %llu\n", (unsigned long long)tallies[i][0], (unsigned long long)tallies[i][1]);
    }
    return 0;
}
