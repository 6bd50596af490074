"""The compiled face of the clearance."""

from libc.stdint cimport int64_t

cdef class Clearance:
    cdef int64_t instrument, price, size, now_ns
    cdef int side
    cdef bint granted

    cdef void grant(self, int64_t instrument, int side, int64_t price, int64_t size, int64_t now_ns) noexcept
