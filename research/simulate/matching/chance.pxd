"""The compiled face of an event that happens with a probability."""

from libc.stdint cimport uint64_t

cdef class Chance:
    cdef uint64_t state
    cdef uint64_t threshold  # of 2^32: the probability

    cdef bint happens(self) noexcept nogil
