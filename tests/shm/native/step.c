/* Kill a writer after every single instruction of a publish, and see what it left.
 *
 * For k = 1, 2, 3 …: a child begins a publish, is single-stepped k instructions by ptrace, and killed. Then every record
 * that a reader accepts must be whole, the cursor must be the old or the new one, and a successor must go on. The last
 * round is the one in which the child came through. Exit 77: ptrace is not permitted here. Prints the rounds.
 */
#include "lane.h"

#include <errno.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

enum { NOT_PERMITTED = 77 };
static sy_cell cell;

static void write_cell(uint64_t life) {
    uint64_t record[WORDS], sequence = atomic_load_explicit((sy_word *)cell.base, memory_order_relaxed);
    make_record(record, sequence, life);
    sy_copy(sy_cell_begin(&cell), (char *)record, RECORD);
    sy_cell_commit(&cell);
}

#if defined(__x86_64__)
#define TRAP() __asm__ volatile("int3" ::: "memory")
#else
#define TRAP() raise(SIGTRAP)
#endif

/* Between the two traps nothing but ring.h runs. */
static void child(char *lane, uint64_t n, uint64_t life) {
    uint64_t records[RESERVE][WORDS];
    sy_writer w = open_writer(lane, 1);
    uint64_t first = n ? w.next : atomic_load_explicit((sy_word *)cell.base, memory_order_relaxed);
    for (uint64_t k = 0; k < RESERVE; k++) make_record(records[k], first + k, life);
    if (ptrace(PTRACE_TRACEME, 0, 0, 0)) _exit(NOT_PERMITTED);
    TRAP();
    if (n) {
        sy_begin(&w);
        sy_copy(sy_slot(&w, 0), (char *)records, n * RECORD);
        sy_publish(&w, n);
    } else {
        sy_copy(sy_cell_begin(&cell), (char *)records, RECORD);
        sy_cell_commit(&cell);
    }
    TRAP();
    raise(SIGSTOP);
    _exit(0);
}

/* Has the child run into its second trap? A single step also stops with SIGTRAP, but not with the trap's own code. */
static int has_ended(pid_t pid, int status) {
    siginfo_t info;
    MUST(WIFSTOPPED(status) && !ptrace(PTRACE_GETSIGINFO, pid, 0, &info));
    return WSTOPSIG(status) == SIGSTOP || (WSTOPSIG(status) == SIGTRAP && (info.si_code == SI_KERNEL || info.si_code == SI_TKILL));
}

/* Step k instructions: 1 when the child was killed in the middle, 0 when it had come to its end. */
static int killed_after(char *lane, uint64_t n, uint64_t life, int k) {
    int status;
    pid_t pid = fork();
    MUST(pid >= 0);
    if (!pid) child(lane, n, life);
    MUST(waitpid(pid, &status, 0) == pid);
    if (WIFEXITED(status) && WEXITSTATUS(status) == NOT_PERMITTED) exit(NOT_PERMITTED);
    int ended = 0;
    for (int i = 0; i < k && !ended; i++) {
        if (ptrace(PTRACE_SINGLESTEP, pid, 0, 0)) exit(errno == EPERM || errno == EIO ? NOT_PERMITTED : 1);
        MUST(waitpid(pid, &status, 0) == pid);
        ended = has_ended(pid, status);
    }
    kill(pid, SIGKILL);
    MUST(waitpid(pid, &status, 0) == pid);
    return !ended;
}

static void judge_ring(char *lane, uint64_t before, uint64_t n, uint64_t life) {
    uint64_t cursor = atomic_load_explicit((sy_word *)(lane + SY_CURSOR_OFFSET), memory_order_acquire);
    MUST(cursor == before || cursor == before + n);
    uint64_t lost = 0, accepted = 0;
    sy_reader r = open_reader(lane, cursor > CAPACITY ? cursor - CAPACITY : 0);
    while (take(&r, &lost)) accepted++;
    MUST(accepted == (cursor > SAFE ? SAFE : cursor));
    sy_writer successor = open_writer(lane, 1);
    publish(&successor, n, life + 1);
    MUST(take(&r, &lost) && r.next == cursor + 1);
}

static void judge_cell(uint64_t before, uint64_t life) {
    uint64_t record[WORDS], cursor = sy_cell_read(&cell, (char *)record);
    MUST(cursor == before || cursor == before + 1);
    MUST(is_whole(record, cursor - 1));
    write_cell(life + 1);
    MUST(sy_cell_read(&cell, (char *)record) == cursor + 1 && is_whole(record, cursor) && record[1] == life + 1);
}

int main(void) {
    for (uint64_t n = 0; n <= RESERVE; n += n ? RESERVE - 1 : 1) { /* a cell, one record, a whole batch */
        char *lane = make_lane();
        cell = (sy_cell){make_lane(), RECORD, RECORD};
        write_cell(1);
        int rounds = 0, on = 1;
        for (int k = 1; on; k++, rounds++) {
            uint64_t before = n ? atomic_load((sy_word *)(lane + SY_CURSOR_OFFSET)) : atomic_load((sy_word *)cell.base);
            on = killed_after(lane, n, 2 * (uint64_t)k, k);
            if (n) judge_ring(lane, before, n, 2 * (uint64_t)k);
            else judge_cell(before, 2 * (uint64_t)k);
        }
        printf("%s of %d: killed after each of %d instructions\n", n ? "publish" : "cell write", (int)n, rounds);
    }
    return 0;
}
