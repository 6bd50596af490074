"""The compiled face of a connection's chain."""

from libc.stdint cimport int64_t

from engine.venues.market cimport Message, Rule

cdef enum:
    IN_ORDER = 0
    HOLE = 1  # this connection lost what stood between
    BACK = 2  # the venue counts anew

cdef class Chain:
    cdef int64_t *last

    cdef int follow(self, Message *message, Rule rule) noexcept nogil
