"""The compiled face of the sliding rate."""

from libc.stdint cimport int64_t

cdef enum:
    MARKS = 511  # of a block, which is a page with its link

cdef struct Block:
    int64_t marks[MARKS]
    Block *following

cdef class SlidingRate:
    cdef readonly int64_t limit
    cdef readonly int64_t window_ns
    cdef readonly Py_ssize_t blocks  # that were allocated
    cdef Block *oldest
    cdef Block *newest
    cdef Block *spare
    cdef int first, after  # the places of the oldest mark in its block, and after the newest one in its own
    cdef Py_ssize_t held

    cpdef Py_ssize_t count(self, int64_t now_ns)
    cpdef int mark(self, int64_t now_ns) except -1
    cdef void clear(self) noexcept
    cdef void release(self) noexcept
    cdef Block *allocate(self) except NULL

cdef class SharedRate:
    cdef readonly SlidingRate account
    cdef readonly int64_t strategy_limit
    cdef dict strategies

    cpdef int set_limits(self, int64_t account, int64_t strategy) except -1
    cdef SlidingRate own(self, object strategy)
    cpdef SlidingRate full(self, int64_t now_ns, object strategy)
    cpdef int mark(self, int64_t now_ns, object strategy) except -1
