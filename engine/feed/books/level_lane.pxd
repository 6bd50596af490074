"""The compiled face of a book on the lane LEVELS."""

from cython cimport final
from libc.stdint cimport int64_t

from engine.book.side cimport Side
from engine.feed.books.outbox cimport Outbox


@final
cdef class LevelLane:
    cdef Outbox outbox
    cdef readonly bint enabled
    cdef int round_side  # of the round of republishing; 0: none is under way
    cdef int64_t round_key
    cdef int64_t round_ns

    cdef void change(self, int side, int64_t price, int64_t size, int64_t before) noexcept nogil
    cdef void remove_beyond(self, int side, const Side *levels, Py_ssize_t depth) noexcept nogil
    cdef void restart(self) noexcept nogil
    cdef void add_side(self, int side, const Side *levels) noexcept nogil
    cdef bint is_due(self, int64_t now_ns) noexcept nogil
    cdef void add_round(
        self, int state, const Side *bids, const Side *asks, Py_ssize_t count, int64_t now_ns) noexcept nogil
    cdef Py_ssize_t add_from_key(self, const Side *levels, Py_ssize_t count) noexcept nogil
