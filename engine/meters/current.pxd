from libc.stdint cimport int64_t, uint64_t

cdef extern from * nogil:
    """
    #include <stdint.h>
    #include <time.h>

    enum { SY_SUB_BITS = 5, SY_TOP_BITS = 38, SY_BUCKETS = (1 << SY_SUB_BITS) * (SY_TOP_BITS - SY_SUB_BITS + 1) };

    /* One writer: a plain read, and a store that no reader sees in part. */
    static inline void sy_meter_add(uint64_t *word, uint64_t count) {
        __atomic_store_n(word, __atomic_load_n(word, __ATOMIC_RELAXED) + count, __ATOMIC_RELAXED);
    }
    static inline uint64_t sy_bucket_of(int64_t ns) {
        if (ns < 2 << SY_SUB_BITS) return ns < 0 ? 0 : (uint64_t)ns;
        int shift = 63 - __builtin_clzll((uint64_t)ns) - SY_SUB_BITS;
        uint64_t bucket = ((uint64_t)shift << SY_SUB_BITS) + ((uint64_t)ns >> shift);
        return bucket < SY_BUCKETS ? bucket : SY_BUCKETS - 1;
    }
    static inline void sy_meter_record(uint64_t *histogram, int64_t ns) {
        if (ns > 0) sy_meter_add(histogram, (uint64_t)ns);
        if (ns > (int64_t)histogram[1]) __atomic_store_n(histogram + 1, (uint64_t)ns, __ATOMIC_RELAXED);
        sy_meter_add(histogram + 2 + sy_bucket_of(ns), 1);
    }
    static inline int64_t sy_meter_clock(void) {
        struct timespec now;
        clock_gettime(CLOCK_MONOTONIC, &now);
        return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
    }
    """
    void sy_meter_add(uint64_t *, uint64_t)
    void sy_meter_record(uint64_t *, int64_t)
    int64_t sy_meter_clock()
    uint64_t sy_bucket_of(int64_t)
    int SY_BUCKETS

cdef enum:
    TIMED = 4  # one frame, read or call of a hook in so many is timed

cdef uint64_t *words  # of the role that runs; without one, of nobody
cdef int64_t CLOCK_OFFSET  # from the monotonic clock to wall time


cdef inline void count_up(Py_ssize_t place, uint64_t by) noexcept nogil:
    """Add to a counter."""
    sy_meter_add(words + place, by)


cdef inline void observe_ns(Py_ssize_t place, int64_t duration_ns) noexcept nogil:
    """Record a duration in a histogram."""
    sy_meter_record(words + place, duration_ns)
