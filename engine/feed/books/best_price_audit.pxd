"""The compiled face of the audit of best prices."""

from cython cimport final
from libc.stdint cimport int64_t, uint64_t

cdef enum:
    PAIRS = 1024  # how many of each are kept: the best prices can arrive this far before the book's change, or after it

cdef struct Best:
    int64_t sequence
    int64_t bid_price
    int64_t bid_size
    int64_t ask_price
    int64_t ask_size

cdef struct Recent:
    Best ring[PAIRS]
    uint64_t count


@final
cdef class BestPriceAudit:
    cdef Recent tickers
    cdef Recent books
    cdef uint64_t pending  # the first book that was not yet compared with the best prices valid at its number
    cdef int64_t seed_sequence
    cdef readonly int64_t bbo_checked, bbo_equal, best_checked, best_equal

    cdef void seed(self, int64_t sequence) noexcept nogil
    cdef void restart(self) noexcept nogil
    cdef bint has_newer(self, int64_t sequence) noexcept nogil
    cdef void add_book(self, Best *best) noexcept nogil
    cdef void add_ticker(self, Best *best) noexcept nogil
    cdef void compare_unnumbered(self, Best *best, Best *book) noexcept nogil
    cdef void drop_oldest(self) noexcept nogil
    cdef void count_valid(self, Best *ticker, Best *book) noexcept nogil
