"""The compiled face of a book: what scanners, rules and the feed call without touching a Python object."""

from cython cimport final
from libc.stdint cimport int64_t

from engine.book.side cimport Side


@final
cdef class Book:
    cdef Side bids
    cdef Side asks
    cdef readonly Py_ssize_t level_limit
    cdef readonly int64_t refused

    cdef int64_t put(self, int side, int64_t price, int64_t size) noexcept nogil
    cdef void cut(self, Py_ssize_t depth) noexcept nogil
    cdef void empty(self) noexcept nogil
    cdef bint best_bid(self, int64_t *price, int64_t *size) noexcept nogil
    cdef bint best_ask(self, int64_t *price, int64_t *size) noexcept nogil
    cdef bint crossed(self) noexcept nogil
    cdef bint is_hollow(self) noexcept nogil
    cdef Py_ssize_t copy_top(self, int side, Py_ssize_t depth, int64_t *price, int64_t *size) noexcept nogil
