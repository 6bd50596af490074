"""The compiled face of a comparison."""

from libc.stdint cimport int64_t, uint64_t

cdef enum:
    PAIRS = 1024  # of two connections' clocks: how far a best bid/ask may run ahead of its depth event

cdef struct Best:
    int64_t sequence
    int64_t bid_price
    int64_t bid_size
    int64_t ask_price
    int64_t ask_size

cdef struct Recent:
    Best ring[PAIRS]
    uint64_t count

cdef class Comparison:
    cdef Recent tickers
    cdef Recent books
    cdef uint64_t pending  # the first book whose best in force is not known
    cdef int64_t seed_sequence
    cdef readonly int64_t bbo_checked, bbo_equal, best_checked, best_equal

    cdef void seed(self, int64_t sequence) noexcept nogil
    cdef void restart(self) noexcept nogil
    cdef bint has_beyond(self, int64_t sequence) noexcept nogil
    cdef void take_book(self, Best *best) noexcept nogil
    cdef void take_best(self, Best *best) noexcept nogil
    cdef void take_loose(self, Best *best, Best *book) noexcept nogil
    cdef void pass_over(self) noexcept nogil
    cdef void count_in_force(self, Best *ticker, Best *book) noexcept nogil
