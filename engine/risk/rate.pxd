"""The compiled face of the sliding rate."""

from libc.stdint cimport int64_t

cdef class SlidingRate:
    cdef readonly int64_t limit
    cdef readonly int64_t window_ns
    cdef int64_t *marks
    cdef Py_ssize_t capacity, first, held

    cpdef Py_ssize_t count(self, int64_t now_ns)
    cpdef int mark(self, int64_t now_ns) except -1
    cdef int grow(self) except -1

cdef class SharedRate:
    cdef readonly SlidingRate account
    cdef readonly int64_t strategy_limit
    cdef dict strategies

    cpdef int set_limits(self, int64_t account, int64_t strategy) except -1
    cdef SlidingRate own(self, object strategy)
    cpdef SlidingRate full(self, int64_t now_ns, object strategy)
    cpdef int mark(self, int64_t now_ns, object strategy) except -1
