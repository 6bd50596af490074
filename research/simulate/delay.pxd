"""The compiled face of a latency."""

from libc.stdint cimport int64_t, uint64_t

cdef class Delay:
    cdef readonly int64_t constant_ns
    cdef const int64_t[::1] samples  # drawn from
    cdef const int64_t[::1] from_ns  # with `recorded`: when each was recorded
    cdef const int64_t[::1] recorded
    cdef uint64_t state
    cdef Py_ssize_t next

    cdef int64_t at(self, int64_t now_ns) except -1
